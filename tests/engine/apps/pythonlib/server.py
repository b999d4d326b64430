"""A server of the standard library alone. Each page is a function of pages.py, found by its name."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pages


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        page = getattr(pages, self.path.strip("/").replace("-", "_") or "front", None)
        if page is None:
            self.send_error(404)
            return
        try:
            body, status = page().encode(), 200
        except Exception as error:
            body, status = f"{type(error).__name__}: {error}".encode(), 500
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8000), Handler).serve_forever()
