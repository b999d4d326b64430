"""A shop that keeps its items in PostgreSQL and counts its visits in Redis."""

import csv
import io
import os

import redis
from flask import Flask, abort, jsonify, render_template, request
from psycopg.errors import UniqueViolation
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

app = Flask(__name__)
pool = ConnectionPool(os.environ["DATABASE_URL"], open=True)
cache = redis.Redis.from_url(os.environ["REDIS_URL"], decode_responses=True)


@app.get("/")
def front():
    with pool.connection() as connection:
        items = connection.execute("select id, name, price from item order by name").fetchall()
    return render_template("front.html", visits=cache.incr("visits"), items=items)


@app.get("/item/<int:number>")
def item(number):
    if text := cache.get(f"item:{number}"):
        return text
    with pool.connection() as connection:
        found = connection.execute("select name, price, tags from item where id = %s", (number,)).fetchone()
    text = f"{found[0]}: {found[1]} {sorted(found[2])}" if found else abort(404)
    cache.set(f"item:{number}", text, ex=60)
    return text


@app.get("/total")
def total():
    with pool.connection() as connection:
        return jsonify(total=str(connection.execute("select total()").fetchone()[0]))


@app.post("/item")
def add():
    given = request.get_json()
    try:
        with pool.connection() as connection, connection.transaction():
            row = connection.execute(
                "insert into item (name, price, tags) values (%s, %s, %s) returning name",
                (given["name"], given["price"], Jsonb(given.get("tags", {}))),
            ).fetchone()
    except UniqueViolation as error:
        return jsonify(error=error.diag.constraint_name), 409
    with cache.pipeline() as pipe:
        pipe.sadd("names", row[0]).scard("names")
        return jsonify(name=row[0], new=pipe.execute()[1]), 201


@app.get("/export.csv")
def export():
    lines = io.StringIO()
    query = "copy (select name, price from item order by name) to stdout"
    with pool.connection() as connection, connection.cursor() as cursor, cursor.copy(query) as copy:
        csv.writer(lines).writerows(copy.rows())
    return lines.getvalue(), {"Content-Type": "text/csv"}


@app.get("/lock")
def lock():
    with cache.lock("till", timeout=5):
        return "locked"


@app.get("/script")
def script():
    return str(cache.register_script("return redis.call('strlen', KEYS[1])")(keys=["visits"]) >= 1)


@app.get("/broken")
def broken():
    with pool.connection() as connection:
        connection.execute("select * from nothing")
