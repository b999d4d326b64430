"""A small GraphQL server, which parses documents, checks them against its schema and answers as the specification says.

`SERVER` is its source for a LocalApp. It knows no aliases, named fragments or directives.
"""

from __future__ import annotations

SERVER = r'''
import itertools, json, re

PLACE = globals().get("PLACE", "/graphql")
PAGES = globals().get("PAGES", {})
INTROSPECTS = globals().get("INTROSPECTS", True)
FIRST = int.from_bytes(os.urandom(3), "big") + 1000000 if globals().get("RANDOM_IDS") else 1
ANSWER = globals().get("ANSWER")

SDL = """
interface Node { id: ID! }
type User implements Node { id: ID! name: String! email: String posts: [Post!]! }
type Post implements Node { id: ID! number: Int! title: String! author: User! tags(language: Language!): [String!]! comments(first: Int): CommentConnection! }
type Comment { id: ID! text: String! post: Post! }
type CommentEdge { cursor: String! node: Comment! }
type CommentConnection { edges: [CommentEdge!]! }
type Country { code: ID! name: String! }
union Result = User | Post
enum Language { EN DE }
input Range { low: Int! high: Int! }
input PostFilter { language: Language! text: String range: Range and: [PostFilter!] }
input NewPost { title: String! authorId: ID! language: Language }
scalar DateTime
scalar Upload
type Payload { post: Post }
type Query {
  user(id: ID!): User
  postByNumber(number: Int!): Post
  users(first: Int, after: String): [User!]!
  posts(filter: PostFilter): [Post!]!
  search(text: String!, filter: PostFilter!, since: DateTime!): [Result!]!
  node(id: ID!): Node
  country(code: ID!): Country
  countries: [Country!]!
  secret: String
  invoice(id: ID!): String
  version: String!
}
type Mutation {
  deletePost(id: ID!): Boolean!
  createPost(input: NewPost!): Payload
  upload(file: Upload!): Boolean
  shutdown: Boolean
}
"""

opened, log = set(), []

def open_once(file):
    """What the test's subject takes for a file that was opened."""
    if file not in opened:
        opened.add(file)
        print("open", file, flush=True)

def tokens(text):
    return re.findall(r"\.\.\.|[_A-Za-z][_0-9A-Za-z]*|-?\d+|[!$():=@\[\]{|}]", text)

class Parser:
    def __init__(self, text):
        self.left = tokens(text)
    def take(self, wanted=None):
        token = self.left.pop(0) if self.left else ""
        if wanted and token != wanted:
            raise Refused(f"expected {wanted}, not {token}")
        return token
    def next(self, token):
        return bool(self.left) and self.left[0] == token and bool(self.take())
    def type(self):
        if self.next("["):
            inner = {"kind": "LIST", "name": None, "ofType": self.type()}
            self.take("]")
        else:
            inner = {"kind": None, "name": self.take(), "ofType": None}
        return {"kind": "NON_NULL", "name": None, "ofType": inner} if self.next("!") else inner
    def arguments(self, close, value):
        found = {}
        while not self.next(close):
            self.next("$")
            name = self.take()
            self.take(":")
            found[name] = value()
        return found
    def value(self):
        if self.next("$"):
            return ("$", self.take())
        return int(self.take())
    def selection(self):
        found = []
        while not self.next("}"):
            if self.next("..."):
                self.take("on")
                kind = self.take()
                self.take("{")
                found.append(("...", kind, self.selection()))
                continue
            name = self.take()
            given = self.arguments(")", self.value) if self.next("(") else {}
            found.append((name, given, self.selection() if self.next("{") else None))
        return found
    def document(self):
        kind, declared = "query", {}
        if not self.next("{"):
            kind = self.take()
            if not self.next("("):
                self.take() if self.left[0] != "{" else None
            if self.next("("):
                declared = self.arguments(")", self.type)
            self.take("{")
        return kind, declared, self.selection()

class Refused(Exception):
    pass

def schema():
    types = {name: {"kind": "SCALAR", "name": name} for name in ("ID", "Int", "String", "Boolean")}
    parser = Parser(SDL.replace("&", " "))
    while parser.left:
        word, name = parser.take(), parser.take()
        kind = {"type": "OBJECT", "interface": "INTERFACE", "union": "UNION", "enum": "ENUM", "input": "INPUT_OBJECT", "scalar": "SCALAR"}[word]
        own = types[name] = {"kind": kind, "name": name, "fields": None, "inputFields": None, "enumValues": None, "possibleTypes": None}
        if word == "union":
            parser.take("=")
            own["possibleTypes"] = [{"name": parser.take()}]
            while parser.next("|"):
                own["possibleTypes"].append({"name": parser.take()})
        elif word == "type" and parser.next("implements"):
            types[parser.take()].setdefault("ofThem", []).append(name)
        if word in ("type", "interface") and parser.take("{"):
            own["fields"] = []
            while not parser.next("}"):
                field = parser.take()
                given = parser.arguments(")", parser.type) if parser.next("(") else {}
                parser.take(":")
                args = [{"name": one, "type": kind, "defaultValue": None} for one, kind in given.items()]
                own["fields"].append({"name": field, "args": args, "type": parser.type()})
        elif word == "enum" and parser.take("{"):
            own["enumValues"] = []
            while not parser.next("}"):
                own["enumValues"].append({"name": parser.take()})
        elif word == "input" and parser.take("{"):
            own["inputFields"] = [{"name": one, "type": kind, "defaultValue": None} for one, kind in parser.arguments("}", parser.type).items()]
    for one in types.values():
        if "ofThem" in one:
            one["possibleTypes"] = [{"name": name} for name in one.pop("ofThem")]
    def fill(value):
        if isinstance(value, dict):
            if "ofType" in value and value["kind"] is None:
                value["kind"] = types[value["name"]]["kind"]
            for inner in value.values():
                fill(inner)
        elif isinstance(value, list):
            for inner in value:
                fill(inner)
    fill(list(types.values()))
    return types

TYPES = schema()
META = {"__schema": {"queryType": {"name": "Query"}, "mutationType": {"name": "Mutation"}, "types": list(TYPES.values())}}

def text_of(kind):
    if kind["kind"] == "NON_NULL":
        return text_of(kind["ofType"]) + "!"
    return "[" + text_of(kind["ofType"]) + "]" if kind["kind"] == "LIST" else kind["name"]

def check(value, kind, what):
    """Check a value of an argument (section 3)."""
    if kind["kind"] == "NON_NULL":
        if value is None:
            raise Refused(f"{what} is null")
        return check(value, kind["ofType"], what)
    if value is None:
        return
    if kind["kind"] == "LIST":
        return [check(one, kind["ofType"], what) for one in value]
    own = TYPES[kind["name"]]
    good = {"Int": int, "String": str, "Boolean": bool, "DateTime": str}.get(kind["name"])
    if good and (not isinstance(value, good) or (good is int and isinstance(value, bool))):
        raise Refused(f"{what} is no {kind['name']}: {value!r}")
    if kind["name"] == "ID" and not isinstance(value, (str, int)):
        raise Refused(f"{what} is no ID")
    if own["kind"] == "ENUM" and {"name": value} not in own["enumValues"]:
        raise Refused(f"{what} is none of {kind['name']}")
    if own["kind"] == "INPUT_OBJECT":
        fields = {one["name"]: one["type"] for one in own["inputFields"]}
        if not isinstance(value, dict) or set(value) - set(fields):
            raise Refused(f"{what} has unknown fields")
        for name, inner in fields.items():
            check(value.get(name), inner, name)

def project(value, selection):
    """Answer a question about the schema itself."""
    if isinstance(value, list):
        return [project(one, selection) for one in value]
    if value is None or selection is None:
        return value
    return {name: project(value.get(name), inner) for name, _, inner in selection}

def base(kind):
    return base(kind["ofType"]) if kind["ofType"] else kind["name"]

def select(value, name, selection, declared, variables, depth=0):
    """Answer a selection of an object of this type, and refuse one that is not valid (sections 5 and 6)."""
    if depth > 7:
        raise Refused("too deep")
    if isinstance(value, list):
        return [select(one, name, selection, declared, variables, depth) for one in value]
    leaf = TYPES[name]["kind"] in ("SCALAR", "ENUM")
    if leaf != (selection is None):
        raise Refused(f"{name} has a wrong selection")
    if leaf or value is None:
        return value
    found, own = {}, value["__typename"]
    for field, given, inner in selection:
        if field == "...":
            if own == given:
                found.update(select(value, own, inner, declared, variables, depth))
            continue
        if field == "__typename":
            found[field] = own
            continue
        members = [one for one in TYPES[name]["fields"] or [] if one["name"] == field]
        if not members:
            open_once("unknown-field.html")
            raise Refused(f"{name} has no {field}")
        arguments = {}
        args = {one["name"]: one["type"] for one in members[0]["args"]}
        if set(given) - set(args):
            raise Refused(f"{field} has no such argument")
        for arg, kind in args.items():
            one = given.get(arg)
            if isinstance(one, tuple):
                if text_of(declared[one[1]]) != text_of(kind):
                    raise Refused(f"{arg} has another type")
                one = variables.get(one[1])
            check(one, kind, arg)
            arguments[arg] = one
        one = value[field]
        found[field] = select(one(**arguments) if callable(one) else one, base(members[0]["type"]), inner, declared, variables, depth + 1)
    return found

users, posts = {}, {}

def a_user(number):
    own = str(number)
    users[own] = {"__typename": "User", "id": own, "name": "ann", "email": None, "posts": lambda: [one for one in posts.values() if one["by"] == own]}

def a_post(number, author, title):
    own = str(number)
    comment = {"__typename": "Comment", "id": "c" + own, "text": "well", "post": lambda: posts[own]}
    edges = {"__typename": "CommentConnection", "edges": [{"__typename": "CommentEdge", "cursor": "x", "node": comment}]}
    posts[own] = {"__typename": "Post", "id": own, "number": number, "title": title, "by": author, "author": lambda: users[author], "tags": lambda language: [], "comments": lambda first=None: edges}
    return posts[own]

a_user(FIRST)
a_user(FIRST + 1)
a_post(FIRST + 2, str(FIRST + 1), "hello")
countries = [{"__typename": "Country", "code": "de", "name": "Germany"}]

def effect(file, value):
    open_once(file)
    return value

def fails(*_, **__):
    raise Refused("not for you")

def found(things, key, file):
    if key not in things:
        raise Refused("there is none")
    return effect(file, things[key])

def created(input):
    if input["authorId"] not in users:
        raise Refused("no such author")
    return {"__typename": "Payload", "post": effect("created.tmpl", a_post(FIRST + 2 + len(posts), input["authorId"], input["title"]))}

ROOTS = {
    "query": {
        "__typename": "Query",
        "user": lambda id: found(users, id, "user.tmpl"),
        "postByNumber": lambda number: found(posts, str(number), "post.tmpl"),
        "users": lambda first=None, after=None: list(users.values())[:first],
        "posts": lambda filter=None: list(posts.values()) if filter is None else effect("filter.so", []),
        "search": lambda text, filter, since: effect("search.so", [*users.values(), *posts.values()]),
        "node": lambda id: found({**users, **posts}, id, "node.so"),
        "country": lambda code: found({one["code"]: one for one in countries}, code, "flag.png"),
        "countries": lambda: countries,
        "secret": fails,
        "invoice": fails,
        "version": (lambda: os._exit(3)) if globals().get("FATAL") else "1",
    },
    "mutation": {
        "__typename": "Mutation",
        "deletePost": lambda id: effect("deleted.tmpl", posts.pop(id, None) is not None),
        "createPost": created,
        "upload": fails,
        "shutdown": lambda: os._exit(3),
    },
}

class Server(Handler):
    def do_GET(self):
        self.note("GET " + self.path)
        self.answer(200 if self.path in {"/", *PAGES} else 404, PAGES.get(self.path, "").encode())

    def note(self, line):
        with open(LOG, "a") as file:
            print(line, file=file)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if globals().get("SILENT"):
            self.note("POST " + self.path)
            return time.sleep(600)
        if globals().get("GUARDED"):
            return self.answer(401, b'{"errors": [{"message": "log in"}]}', "application/json")
        if self.path != PLACE:
            self.note("POST " + self.path)
            return self.answer(404, b"nothing here")
        asked = json.loads(body)
        self.note("POST " + self.path + " " + body.decode())
        if ANSWER is not None and "__schema" in asked["query"]:
            return self.answer(200, ANSWER.encode(), "application/json")
        try:
            kind, declared, selection = Parser(asked["query"]).document()
            if selection[0][0] == "__schema":
                if not INTROSPECTS:
                    raise Refused("introspection is off")
                data = project(META, selection)
            else:
                data = select(ROOTS[kind], kind.capitalize(), selection, declared, asked.get("variables") or {})
            answer = {"data": data}
        except Refused as refused:
            answer = {"data": None, "errors": [{"message": str(refused)}]}
        self.answer(200, json.dumps(answer).encode(), "application/json")
'''
