"""A server whose every route needs one thing of the image, and looks for it only when it is asked."""

import contextlib
import os
import pwd
import string
import subprocess
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def library() -> str:
    import sqlite3

    return sqlite3.sqlite_version


def template() -> str:
    return string.Template(Path("/srv/templates/late.txt").read_text()).substitute(name="Ada")


def user() -> str:
    return pwd.getpwuid(os.getuid()).pw_name


def zone() -> str:
    os.environ["TZ"] = "Europe/Berlin"
    time.tzset()
    return time.strftime("%H:%M %Z", time.localtime(0))


def link() -> str:
    return Path("/srv/current/page").read_text()


def shell() -> str:
    return subprocess.check_output("echo words of a shell", shell=True, text=True)


def temporary() -> str:
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        return str(file.write(b"something"))


def mode() -> str:
    return subprocess.check_output(["/srv/speaker", "words of a program"], text=True)


def capability() -> str:
    return subprocess.check_output(["/srv/reader", "/srv/secret"], stderr=subprocess.DEVNULL, text=True)


def config() -> str:
    return os.environ["GREETING"]


ROUTES = {
    f"/{route.__name__}": route
    for route in (library, template, user, zone, link, shell, temporary, mode, capability, config)
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        try:
            status, text = 200, ROUTES[self.path]()
        except Exception as error:
            status, text = 500, f"{type(error).__name__}: {error}"
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


with contextlib.suppress(KeyboardInterrupt):
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
