"""A small book shop: pages from templates, a JSON interface, an error page."""

import sqlite3
from decimal import Decimal, InvalidOperation

from flask import Flask, jsonify, render_template, request, url_for

BOOKS = {
    1: {"title": "The Sea Around Us", "author": "Rachel Carson", "price": "12.50"},
    2: {"title": "Moby-Dick", "author": "Herman Melville", "price": "9.90"},
    3: {"title": "The Outermost House", "author": "Henry Beston", "price": "11.00"},
}

app = Flask(__name__)


@app.template_filter("price")
def price(value):
    """Show an amount as this shop writes it."""
    return f"€ {Decimal(value):.2f}"


@app.get("/")
def index():
    """List all books."""
    return render_template("index.html", books=BOOKS)


@app.get("/books/<int:number>")
def book(number):
    """Show one book, or the error page."""
    if number not in BOOKS:
        return render_template("error.html", message=f"There is no book {number}."), 404
    return render_template("book.html", book=BOOKS[number])


@app.get("/api/books")
def api_books():
    """All books, or those whose title holds `q`, found by SQLite."""
    wanted = f"%{request.args.get('q', '')}%"
    with sqlite3.connect(":memory:") as database:
        database.execute("create table books (id integer, title text, author text)")
        rows = [(number, entry["title"], entry["author"]) for number, entry in BOOKS.items()]
        database.executemany("insert into books values (?, ?, ?)", rows)
        found = database.execute("select * from books where title like ? order by id", (wanted,)).fetchall()
    links = [{"id": row[0], "title": row[1], "page": url_for("book", number=row[0])} for row in found]
    return jsonify(books=links)


@app.post("/api/total")
def api_total():
    """Add up an order: {"books": [1, 2]} as JSON, or books=1&books=2 as a form."""
    chosen = request.get_json()["books"] if request.is_json else request.form.getlist("books", type=int)
    try:
        total = sum(Decimal(BOOKS[number]["price"]) for number in chosen)
    except (KeyError, InvalidOperation):
        return jsonify(error="an unknown book"), 400
    return jsonify(count=len(chosen), total=str(total))


@app.get("/health")
def health():
    """For the HEALTHCHECK."""
    return {"status": "ok"}


@app.errorhandler(404)
def not_found(error):
    """Any other address."""
    return render_template("error.html", message="There is no such page."), 404
