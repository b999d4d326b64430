"""Log in to the admin at 127.0.0.1:8000 and ask for a page, or send its form: admin.py PATH [NAME=VALUE…]"""

import http.cookiejar
import re
import sys
import urllib.parse
import urllib.request

URL = "http://127.0.0.1:8000"
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))


def send(path, form):
    page = browser.open(URL + path).read().decode()
    form = form | {"csrfmiddlewaretoken": re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]}
    return browser.open(URL + path, urllib.parse.urlencode(form).encode())


send("/admin/login/", {"username": "ann", "password": "hunter2", "next": "/admin/"})
path, *fields = sys.argv[1:]
answer = send(path, dict(field.split("=", 1) for field in fields)) if fields else browser.open(URL + path)
print(answer.status, re.sub(r"\s+", " ", answer.read().decode()))
