"""A small library's site. Its front page needs little; each of its other pages needs something of its own."""

import io
import os
import subprocess
from pathlib import Path

import jsonschema
import yaml
from flask import Flask, Response, abort, jsonify, render_template, request, send_file
from loans import overdue
from markdown import markdown
from PIL import Image, ImageDraw

HERE = Path(__file__).parent
BOOKS = [
    {"title": "Moby-Dick", "author": "Herman Melville", "year": 1851},
    {"title": "Śpiew oceanów", "author": "Łucja Żak", "year": 2004},
]
app = Flask(__name__)


@app.get("/")
def front():
    return render_template("front.html", books=BOOKS)


@app.get("/books/<int:number>")
def book(number):
    return render_template("book.html", book=BOOKS[number - 1])


@app.get("/report")
def report():
    from statistics import mean

    return render_template("report.html", year=mean(book["year"] for book in BOOKS))


@app.get("/export.csv")
def export_csv():
    import csv

    text = io.StringIO()
    writer = csv.DictWriter(text, ["title", "author", "year"])
    writer.writeheader()
    writer.writerows(BOOKS)
    return Response(text.getvalue(), mimetype="text/csv")


@app.get("/export.xml")
def export_xml():
    from xml.etree import ElementTree

    root = ElementTree.fromstring("<books/>")
    for book in BOOKS:
        ElementTree.SubElement(root, "book", year=str(book["year"])).text = book["title"]
    return Response(ElementTree.tostring(root, encoding="utf-8"), mimetype="application/xml")


@app.get("/export.yaml")
def export_yaml():
    return Response(yaml.safe_dump(BOOKS, allow_unicode=True), mimetype="text/plain")


@app.get("/search")
def search():
    """The migrations are applied in the order of their names, whatever they are called."""
    import sqlite3

    with sqlite3.connect(":memory:") as database:
        for migration in sorted((HERE / "migrations").glob("*.sql")):
            database.executescript(migration.read_text())
        rows = database.execute("SELECT title FROM book JOIN author USING (author_id) ORDER BY title").fetchall()
    return jsonify([title for (title,) in rows])


@app.get("/download/<kind>")
def download(kind):
    text = "\n".join(book["title"] for book in BOOKS).encode()
    if kind == "gz":
        import gzip

        return Response(gzip.compress(text, mtime=0), mimetype="application/gzip")
    if kind == "bz2":
        import bz2

        return Response(bz2.compress(text), mimetype="application/x-bzip2")
    if kind == "xz":
        import lzma

        return Response(lzma.compress(text), mimetype="application/x-xz")
    return abort(404)


@app.get("/charset/<name>")
def charset(name):
    return Response("prix: 5 £, fenêtre".encode(name, "replace"), mimetype="text/plain")


@app.get("/time/<path:zone>")
def time(zone):
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    return datetime(2024, 7, 1, 12, tzinfo=UTC).astimezone(ZoneInfo(zone)).strftime("%a %d %b %Y %H:%M %Z")


@app.get("/cover.<kind>")
def cover(kind):
    image = Image.new("RGB", (64, 32), "navy")
    ImageDraw.Draw(image).ellipse((8, 4, 40, 28), fill="gold")
    content = io.BytesIO()
    image.save(content, kind)
    return send_file(io.BytesIO(content.getvalue()), f"image/{kind}")


@app.get("/words")
def words():
    """Counted by the tools of the system."""
    titles = "\n".join(word for book in BOOKS for word in book["title"].split())
    counted = subprocess.run(["sort", "--reverse"], input=titles, capture_output=True, text=True, check=True)
    return Response(counted.stdout, mimetype="text/plain")


@app.get("/tls")
def tls():
    import ssl

    context = ssl.create_default_context()
    return jsonify(many=len(context.get_ca_certs()) > 50, verify=context.verify_mode.name)


@app.get("/names")
def names():
    """What the system's name service says: a host, a service, a user, a protocol."""
    import grp
    import pwd
    import socket

    return jsonify(
        host=socket.gethostbyname("localhost"),
        service=socket.getservbyname("https"),
        user=pwd.getpwuid(os.getuid()).pw_name,
        group=grp.getgrgid(os.getgid()).gr_name,
    )


@app.get("/check")
def check():
    schema = {"type": "object", "properties": {"year": {"type": "integer"}}, "required": ["author"]}
    errors = jsonschema.Draft202012Validator(schema).iter_errors({"year": "MDCCCLI"})
    return jsonify(sorted(error.message for error in errors))


@app.get("/notes")
def notes():
    """Extensions of the package are named by their entry points."""
    return markdown("# Notes\n\nname | year\n---- | ----\nMoby | 1851\n", extensions=["tables", "toc"])


@app.get("/plugin/<name>")
def plugin(name):
    from importlib import import_module

    return Response(import_module(f"plugins.{name}").render(BOOKS), mimetype="text/plain")


@app.get("/overdue")
def overdue_books():
    return jsonify(overdue(request.args.get("days", 40, type=int)))


@app.get("/isbn")
def isbn():
    """Package data that is read by name, in a function of its own."""
    from importlib.resources import files

    return Response(files("data").joinpath("publishers.txt").read_text(), mimetype="text/plain")


@app.get("/digest")
def digest():
    import hashlib

    text = BOOKS[0]["title"].encode()
    return jsonify({name: hashlib.new(name, text).hexdigest() for name in ("sha3_256", "blake2b", "md5")})


@app.get("/mail")
def mail():
    from email.message import EmailMessage

    message = EmailMessage()
    message["Subject"] = "Śpiew oceanów"
    message.set_content("It is due.")
    return Response(message.as_string(), mimetype="text/plain")


@app.get("/crash")
def crash():
    raise RuntimeError("the shelf is broken")


@app.errorhandler(404)
def missing(_error):
    return render_template("errors/404.html"), 404


@app.errorhandler(500)
def broken(_error):
    return render_template("errors/500.html"), 500
