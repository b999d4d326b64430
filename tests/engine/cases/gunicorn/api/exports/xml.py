from lxml import builder, etree, html


def export(data):
    tree = builder.E.export(
        *(builder.E.item(html.fromstring(f"<b>{value}</b>").text, key=key) for key, value in data.items())
    )
    return etree.tostring(tree)
