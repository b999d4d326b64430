import yaml


def export(data):
    return yaml.dump(data, Dumper=yaml.CSafeDumper).encode()
