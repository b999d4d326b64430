"""Log in to the admin at 127.0.0.1:8000 and ask for a page: admin.py PATH [LANGUAGE]."""

import http.cookiejar
import re
import sys
import urllib.parse
import urllib.request

URL = "http://127.0.0.1:8000"
path, language = (*sys.argv[1:], "en")[:2]
browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
browser.addheaders = [("Accept-Language", language)]
page = browser.open(f"{URL}/admin/login/").read().decode()
token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
form = {"csrfmiddlewaretoken": token[1], "username": "admin", "password": "secret", "next": path}
answer = browser.open(f"{URL}/admin/login/", urllib.parse.urlencode(form).encode())
print(answer.status, answer.read().decode())
