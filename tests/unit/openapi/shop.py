"""A small shop with an API of 40 operations, which checks what it gets and remembers what it made. `SHOP` is its source for a LocalApp."""

from __future__ import annotations

SHOP = r'''
import base64, datetime, itertools, json, re, uuid
from email.parser import BytesParser
from urllib.parse import parse_qsl, unquote, urlsplit

RANDOM_IDS = globals().get("RANDOM_IDS", False)
PLACE = globals().get("PLACE", "/openapi.json")
BASE = globals().get("BASE", "")
TOKEN = globals().get("TOKEN", "")
numbers = itertools.count(int.from_bytes(os.urandom(3), "big") if RANDOM_IDS else 1)
opened = set()
things = {name: {} for name in ("users", "items", "orders", "reviews", "tags", "files", "carts")}
ref = lambda name: {"$ref": f"#/components/schemas/{name}"}

class Refused(Exception):
    def __init__(self, status, why):
        self.status, self.why = status, why

def open_once(*files):
    """What the test's subject takes for a file that was opened."""
    for file in files:
        if file not in opened:
            opened.add(file)
            print("open", file, flush=True)

def need(condition, why, status=422):
    if not condition:
        open_once("error-%d.html" % status)
        raise Refused(status, why)

def text(data, name, *, least=1, most=100, pattern=".*"):
    value = data.get(name)
    need(isinstance(value, str) and least <= len(value) <= most and re.fullmatch(pattern, value), f"{name} is wrong")

def number(data, name, least, most, whole=False):
    value = data.get(name)
    need(isinstance(value, int if whole else (int, float)) and not isinstance(value, bool) and least <= value <= most, f"{name} is wrong")

def day(data, name, parse=datetime.date.fromisoformat):
    need(isinstance(data.get(name), str), f"{name} is missing")
    try:
        parse(data[name].replace("Z", "+00:00"))
    except ValueError:
        need(False, f"{name} is no date")

def a_user(data):
    text(data, "name", least=2, most=20)
    text(data, "email", pattern=r"[^@]+@[^@]+\.[^@]+")
    need(data.get("role") in ("admin", "clerk"), "no such role")
    day(data, "born")
    need(isinstance(data.get("address"), dict), "no address")
    text(data["address"], "street", least=3)
    text(data["address"], "zip", pattern=r"\d{5}")

def an_item(data):
    text(data, "title", least=8)
    text(data, "sku", pattern=r"[A-Z]{3}-\d{4}")
    number(data, "price", 0.01, 1000)
    number(data, "stock", 5, 500, whole=True)
    need(data["stock"] % 5 == 0, "stock comes in fives")
    need(set(data.get("colors", ["red"])) <= {"red", "green"}, "no such color")

def an_order(data):
    exists("users", data.get("user_id"))
    need(isinstance(data.get("lines"), list) and data["lines"], "no lines")
    for line in data["lines"]:
        exists("items", line.get("itemId"))
        number(line, "quantity", 1, 10, whole=True)
    day(data, "placed_at", datetime.datetime.fromisoformat)
    need(data.get("payment", {}).get("kind") in ("card", "cash"), "no payment")
    if data["payment"]["kind"] == "card":
        text(data["payment"], "digits", pattern=r"\d{4}")

def a_review(data):
    number(data, "stars", 1, 5, whole=True)
    text(data, "text", least=10)

def exists(kind, key, status=404):
    need(key in things[kind], f"no such thing in {kind}: {key!r}", status)
    return things[kind][key]

def made(kind, data, key=None):
    key = key if key is not None else next(numbers)
    things[kind][key] = {**data, "id": key}
    open_once(f"{kind}-made")
    return things[kind][key]

def key_of(text):
    need(text.isdigit(), "not a number")
    return int(text)

paths, handlers = {}, []
def operation(method, path, *, body=None, query=(), media="application/json", status=200, label=""):
    def add(function):
        names = re.findall(r"\{(\w+)\}", path)
        given = [{"name": name, "in": "path", "required": True, "schema": {"type": "string" if name in ("slug", "fileId") else "integer"}} for name in names]
        own = {"operationId": label or function.__name__, "parameters": given + list(query), "responses": {str(status): {"description": "fine"}}}
        if body is not None:
            own["requestBody"] = {"required": True, "content": {media: {"schema": body}}}
        paths.setdefault(path, {})[method] = own
        handlers.append((method.upper(), re.compile(BASE + re.sub(r"\\\{\w+\\\}", "([^/]+)", re.escape(path))), function, status))
        return function
    return add

def simple(kind, singular, check, schema):
    """The five usual operations of a kind of thing."""
    @operation("post", f"/{kind}", body=ref(schema), status=201, label=f"create_{singular}")
    def create(call):
        check(call.data)
        return made(kind, call.data)
    @operation("get", f"/{kind}", query=[{"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 50, "default": 20}}], label=f"list_{kind}")
    def every(call):
        need(call.query.get("limit", "20").isdigit(), "no limit")
        return list(things[kind].values())
    path = f"/{kind}/{{{singular}_id}}"
    @operation("get", path, label=f"get_{singular}")
    def one(call, key):
        open_once(f"{kind}-shown")
        return exists(kind, key_of(key))
    @operation("put", path, body=ref(schema), label=f"replace_{singular}")
    def change(call, key):
        exists(kind, key_of(key)); check(call.data)
        open_once(f"{kind}-changed")
        things[kind][key_of(key)].update(call.data)
        return things[kind][key_of(key)]
    @operation("delete", path, status=204, label=f"delete_{singular}")
    def remove(call, key):
        exists(kind, key_of(key))
        need(not any(one.get(f"{singular}_id") == key_of(key) for one in things["orders"].values()), "is in use", 409)
        open_once(f"{kind}-removed")
        del things[kind][key_of(key)]

operation("get", "/health")(lambda call: {"status": "up"})
simple("orders", "order", an_order, "Order")
simple("users", "user", a_user, "User")
simple("items", "item", an_item, "Item")

@operation("patch", "/users/{user_id}", body={"type": "object", "properties": {"name": {"type": "string", "minLength": 2}}, "required": ["name"]})
def rename(call, key):
    text(call.data, "name", least=2)
    return exists("users", key_of(key))
@operation("head", "/items/{item_id}")
def look(call, key):
    exists("items", key_of(key))
@operation("post", "/items/{item_id}/reviews", body=ref("Review"), status=201)
def review(call, key):
    exists("items", key_of(key)); a_review(call.data)
    return {"data": made("reviews", call.data)}
@operation("get", "/items/{item_id}/reviews")
def reviews(call, key):
    exists("items", key_of(key))
    return {"reviews": list(things["reviews"].values())}
@operation("get", "/items/{item_id}/reviews/{review_id}")
def one_review(call, key, own):
    exists("items", key_of(key)); open_once("review-shown")
    return exists("reviews", key_of(own))
@operation("delete", "/items/{item_id}/reviews/{review_id}", status=204)
def drop_review(call, key, own):
    exists("reviews", key_of(own)); del things["reviews"][key_of(own)]
@operation("post", "/tags", body={"type": "object", "required": ["slug"], "properties": {"slug": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$"}, "parent": {"anyOf": [{"type": "null"}, ref("Tag")]}}}, status=201)
def tag(call):
    text(call.data, "slug", pattern="[a-z-]+")
    need(call.data["slug"] not in things["tags"], "is there already", 409)
    things["tags"][call.data["slug"]] = call.data
    return {"ok": True}
@operation("get", "/tags/{slug}")
def one_tag(call, slug):
    open_once("tag-shown")
    return exists("tags", slug)
@operation("delete", "/tags/{slug}", status=204)
def drop_tag(call, slug):
    exists("tags", slug); del things["tags"][slug]
@operation("post", "/orders/{order_id}/pay", body={"type": "object", "required": ["amount", "currency"], "properties": {"amount": {"type": "number", "exclusiveMinimum": 0, "multipleOf": 0.5}, "currency": {"type": "string", "enum": ["EUR", "USD"]}}})
def pay(call, key):
    number(call.data, "amount", 0.5, 1e6); need(call.data["amount"] % 0.5 == 0, "odd amount")
    need(call.data.get("currency") in ("EUR", "USD"), "no such currency")
    exists("orders", key_of(key))["paid"] = True
    open_once("paid")
    return {"paid": True}
@operation("get", "/orders/{order_id}/invoice")
def invoice(call, key):
    need(exists("orders", key_of(key)).get("paid"), "not paid yet", 409)
    open_once("invoice.tex")
    return {"invoice": "yes"}
@operation("get", "/users/{user_id}/orders")
def orders_of(call, key):
    exists("users", key_of(key))
    return [one for one in things["orders"].values() if one["user_id"] == key_of(key)]
@operation("post", "/files", media="multipart/form-data", status=201, body={"type": "object", "required": ["picture", "title"], "properties": {"picture": {"type": "string", "format": "binary"}, "title": {"type": "string"}, "pages": {"type": "array", "items": {"type": "integer"}}}})
def upload(call):
    need(call.files.get("picture", b"").startswith(b"\x89PNG"), "no picture"); need(call.data.get("title"), "no title")
    open_once("libpng.so")
    key = uuid.uuid4().hex if RANDOM_IDS else "4f6b1c7e9a2d8035"
    things["files"][key] = call.files["picture"]
    call.location = f"{BASE}/files/{key}"
@operation("get", "/files/{fileId}")
def download(call, key):
    open_once("file-shown")
    return {"size": len(exists("files", key))}
@operation("get", "/files/{fileId}/preview")
def preview(call, key):
    return {"size": len(exists("files", key))}
@operation("put", "/files/{fileId}", media="application/octet-stream", body={"type": "string", "format": "binary"})
def overwrite(call, key):
    exists("files", key); need(call.raw, "nothing came")
@operation("delete", "/files/{fileId}", status=204)
def drop_file(call, key):
    exists("files", key); del things["files"][key]
@operation("post", "/contact", media="application/x-www-form-urlencoded", body={"type": "object", "required": ["email", "subject"], "properties": {"email": {"type": "string", "format": "email"}, "subject": {"type": "string", "maxLength": 5}, "urgent": {"type": "boolean"}}})
def contact(call):
    text(call.data, "email", pattern=".+@.+"); text(call.data, "subject", most=5)
    open_once("mail.tmpl")
    return {"sent": True}
@operation("post", "/notes", media="text/plain", body={"type": "string", "minLength": 3})
def note(call):
    need(len(call.raw) >= 3, "too short")
    return {"ok": True}
@operation("get", "/search", query=[{"name": "q", "in": "query", "required": True, "schema": {"type": "string", "minLength": 2}}, {"name": "sort", "in": "query", "schema": {"enum": ["price", "title"]}}, {"name": "ids", "in": "query", "schema": {"type": "array", "items": {"type": "integer"}, "minItems": 2}}])
def search(call):
    need(len(call.query.get("q", "")) >= 2, "what?"); need(call.query.get("sort", "price") in ("price", "title"), "how?")
    open_once("index")
    return {"found": []}
@operation("get", "/report/{year}/{month}", query=[{"name": "X-Zone", "in": "header", "required": True, "schema": {"type": "string", "enum": ["UTC"]}}])
def report(call, year, month):
    need(year.isdigit() and month.isdigit() and call.headers.get("X-Zone") == "UTC", "when?")
    return {"total": 0}
@operation("put", "/settings", body={"allOf": [{"type": "object", "required": ["theme"], "properties": {"theme": {"enum": ["dark", "light"]}}}, {"type": "object", "required": ["logo"], "properties": {"logo": {"type": "string", "format": "byte"}, "since": {"type": "string", "readOnly": True}}}]})
def settings(call):
    need(call.data.get("theme") in ("dark", "light") and "since" not in call.data, "what?"); base64.b64decode(call.data["logo"])
    return call.data
@operation("get", "/settings")
def shown_settings(call):
    return {}
@operation("get", "/secret")
def secret(call):
    need(call.headers.get("Authorization") == "Bearer x", "who?", 401)
@operation("post", "/login", body={"type": "object", "required": ["user"], "properties": {"user": {"type": "string"}}})
def login(call):
    text(call.data, "user"); call.cookie = "session=" + (uuid.uuid4().hex if RANDOM_IDS else "cafe")
@operation("get", "/me")
def me(call):
    need("session=" in call.headers.get("Cookie", ""), "who?", 401)
    open_once("me")
    return {"me": True}
@operation("post", "/logout")
def logout(call):
    need("session=" in call.headers.get("Cookie", ""), "who?", 401)
@operation("post", "/admin/shutdown")
def shutdown(call):
    os._exit(3)

schemas = {
    "User": {"type": "object", "required": ["name", "email", "role", "born", "address"], "properties": {
        "id": {"type": "integer", "readOnly": True}, "name": {"type": "string", "minLength": 2, "maxLength": 20},
        "email": {"type": "string", "format": "email"}, "role": {"type": "string", "enum": ["admin", "clerk"]},
        "born": {"type": "string", "format": "date"}, "address": ref("Address")}},
    "Address": {"type": "object", "required": ["street", "zip"], "properties": {"street": {"type": "string", "minLength": 3}, "zip": {"type": "string", "pattern": "^[0-9]{5}$"}}},
    "Item": {"type": "object", "required": ["title", "sku", "price", "stock"], "properties": {
        "title": {"type": "string", "minLength": 8}, "sku": {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
        "price": {"type": "number", "minimum": 0.01, "maximum": 1000}, "stock": {"type": "integer", "minimum": 5, "maximum": 500, "multipleOf": 5},
        "colors": {"type": "array", "uniqueItems": True, "minItems": 2, "items": {"enum": ["red", "green"]}}}},
    "Order": {"type": "object", "required": ["user_id", "lines", "placed_at", "payment"], "properties": {
        "user_id": {"type": "integer"}, "lines": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["itemId", "quantity"], "properties": {"itemId": {"type": "integer"}, "quantity": {"type": "integer", "minimum": 1, "maximum": 10}}}},
        "placed_at": {"type": "string", "format": "date-time"},
        "payment": {"oneOf": [ref("Card"), ref("Cash")], "discriminator": {"propertyName": "kind", "mapping": {"card": "#/components/schemas/Card", "cash": "#/components/schemas/Cash"}}}}},
    "Card": {"type": "object", "required": ["kind", "digits"], "properties": {"kind": {"type": "string"}, "digits": {"type": "string", "pattern": "^\\d{4}$"}}},
    "Cash": {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string"}}},
    "Review": {"type": "object", "required": ["stars", "text"], "properties": {"stars": {"type": "integer", "minimum": 1, "maximum": 5}, "text": {"type": "string", "minLength": 10}}},
    "Tag": {"type": "object", "required": ["slug"], "properties": {"slug": {"type": "string"}, "parent": ref("Tag"), "children": {"type": "array", "items": ref("Tag")}}},
}
description = {"openapi": "3.1.0", "info": {"title": "Shop", "version": "1"}, "servers": [{"url": "https://shop.example.com" + BASE}], "paths": paths, "components": {"schemas": schemas}}

class Shop(Handler):
    def do(self):
        self.raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        with open(LOG, "a") as log:
            print(self.command, self.path, file=log)
        self.location = self.cookie = ""
        if url.path == PLACE:
            open_once("description")
            return self.answer(200, json.dumps(description).encode(), "application/json")
        if url.path in pages:
            return self.answer(200, pages[url.path].encode(), "text/html")
        for method, pattern, function, status in handlers:
            if method == self.command and (match := pattern.fullmatch(url.path)):
                return self.respond(function, status, [unquote(one) for one in match.groups()])
        self.respond(lambda call: need(False, "no such page", 404), 404, [])

    def respond(self, function, status, groups):
        self.query = dict(parse_qsl(urlsplit(self.path).query))
        try:
            self.read()
            answer = function(self, *groups)
        except Refused as refused:
            status, answer = refused.status, {"error": refused.why}
        body = b"" if answer is None or self.command == "HEAD" else json.dumps(answer).encode()
        self.send_response(status)
        if self.location:
            self.send_header("Location", self.location)
        if self.cookie:
            self.send_header("Set-Cookie", self.cookie)
        self.send_header("Content-Type", "application/json")
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def read(self):
        kind, self.data, self.files = self.headers.get("Content-Type") or "", {}, {}
        if kind.startswith("application/json"):
            self.data = json.loads(self.raw or b"null")
            need(isinstance(self.data, dict), "no object")
        elif kind.startswith("application/x-www-form"):
            self.data = dict(parse_qsl(self.raw.decode()))
        elif kind.startswith("multipart/"):
            parts = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.raw)
            for part in parts.get_payload() if parts.is_multipart() else []:
                name = part.get_param("name", header="content-disposition")
                if part.get_filename():
                    self.files[name] = part.get_payload(decode=True)
                else:
                    self.data[name] = part.get_payload()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do

pages = globals().get("PAGES", {"/": "<h1>shop</h1>"})
'''
