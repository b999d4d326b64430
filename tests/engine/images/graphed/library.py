"""A GraphQL API by graphql-core: a library of books. Only the field `poem` opens poems.txt, and only `lend` imports `decimal`."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from graphql import build_schema, graphql_sync

HERE = Path(__file__).parent
SCHEMA = build_schema("""
type Book { id: ID! title: String! }
type Query { books: [Book!]! book(id: ID!): Book poem(line: Int!): String }
type Mutation { lend(bookId: ID!, days: Int!): String! }
""")


class Library:
    """Resolves the fields of the schema."""

    def books(self, info):
        return json.loads((HERE / "books.json").read_text())

    def book(self, info, id):
        return next((book for book in self.books(info) if book["id"] == id), None)

    def poem(self, info, line):
        lines = (HERE / "poems.txt").read_text().splitlines()
        return lines[line % len(lines)]

    def lend(self, info, days, **book):
        from decimal import Decimal

        return str(Decimal(days) / 7)


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        if self.path != "/graphql":
            self.send_error(404)
            return
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        result = graphql_sync(SCHEMA, asked["query"], Library(), variable_values=asked.get("variables"))
        body = json.dumps(result.formatted).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
