import jinja2


def export(data):
    loader = jinja2.PackageLoader("api", "exports")
    return jinja2.Environment(loader=loader, autoescape=True).get_template("page.html").render(data=data).encode()
