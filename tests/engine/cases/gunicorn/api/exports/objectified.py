def export(data):
    from lxml import objectify

    return str(objectify.fromstring("<a><b>7</b></a>").b + data["a"]).encode()
