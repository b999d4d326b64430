#!/usr/bin/env python3
import http.server
import os


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/csv":
            import csv
            import io

            text = io.StringIO()
            csv.writer(text).writerow([os.environ["GREETING"], 1])
            body = text.getvalue()
        elif self.path == "/xml":
            from xml.dom import minidom

            body = minidom.parseString("<a>1</a>").toxml()
        else:
            body = "api"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body.encode())


http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
