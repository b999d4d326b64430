import msgpack


def export(data):
    return msgpack.packb(data).hex().encode()
