import importlib
import pkgutil

import falcon

from api import exports


class Front:
    def on_get(self, request, response):
        response.text = "api"


class Exports:
    def on_get(self, request, response, name):
        if name not in {module.name for module in pkgutil.iter_modules(exports.__path__)}:
            raise falcon.HTTPNotFound(title="no such export")
        response.data = importlib.import_module(f"api.exports.{name}").export({"a": 1})


class Form:
    def on_post(self, request, response):
        response.media = {part.name: part.text for part in request.media}


app = falcon.App()
app.add_route("/", Front())
app.add_route("/exports/{name}", Exports())
app.add_route("/form", Form())
