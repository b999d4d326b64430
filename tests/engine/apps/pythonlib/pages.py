"""The pages: each imports what it needs when it is asked for."""


def front():
    return "the front page\n"


def table():
    import csv
    import io

    text = io.StringIO()
    csv.writer(text, "excel-tab").writerows([("a", 1), ("b", 2)])
    return text.getvalue()


def database():
    import sqlite3

    return str(sqlite3.connect(":memory:").execute("SELECT upper('cell'), 6 * 7").fetchone())


def archive():
    import io
    import zipfile

    with zipfile.ZipFile(io.BytesIO(), "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a", "a" * 1000)
        return str(archive.getinfo("a").compress_size)


def money():
    from decimal import Decimal

    return str(Decimal(1) / Decimal(7))


def document():
    from xml.dom import minidom

    return minidom.parseString("<a><b>text</b></a>").documentElement.firstChild.toxml()


def libc():
    import ctypes

    return str(ctypes.CDLL("libc.so.6").abs(-5))


def clock():
    import os
    import time

    os.environ["TZ"] = "Australia/Adelaide"
    time.tzset()
    return time.strftime("%H:%M %Z", time.localtime(0))


def zones():
    from zoneinfo import available_timezones

    return str("Europe/Paris" in available_timezones())


def command():
    import subprocess

    return subprocess.run("seq 3 | tac | paste -s -d +", shell=True, capture_output=True, text=True, check=True).stdout


def processes():
    from multiprocessing import get_context

    with get_context("spawn").Pool(1) as pool:
        return str(pool.map(abs, [-1, -2]))


def loop():
    import asyncio

    async def answer():
        await asyncio.sleep(0)
        return "awaited"

    return asyncio.run(answer())


def secure():
    import ssl

    return str(len(ssl.create_default_context().get_ca_certs()) > 50)


def resolver():
    import socket

    return str(sorted({entry[4][0] for entry in socket.getaddrinfo("localhost", 443, socket.AF_INET)}))


def home():
    from pathlib import Path

    return str(Path("~root").expanduser())


def idna():
    return "bücher.example".encode("idna").decode()


def letters():
    import unicodedata

    return unicodedata.name("ß")


def difference():
    from difflib import unified_diff

    return "\n".join(unified_diff(["a", "b"], ["a", "c"], "old", "new", lineterm=""))


def logs():
    import logging.config

    logging.config.dictConfig(
        {
            "version": 1,
            "handlers": {"memory": {"class": "logging.handlers.MemoryHandler", "capacity": 10}},
            "root": {"handlers": ["memory"]},
        }
    )
    return type(logging.getLogger().handlers[0]).__name__


def calendar():
    import calendar

    return calendar.LocaleTextCalendar(locale="C").formatmonth(2024, 2)


def settings():
    import tomllib

    return str(tomllib.loads("[a]\nb = 1979-05-27"))


def kind():
    import mimetypes

    return str(mimetypes.guess_type("letter.odt"))
