"""Start a kernel of the server at 127.0.0.1:8888, let it run a line, and print what it answers."""

import asyncio
import json
import sys
import urllib.request

from tornado.httpclient import HTTPRequest
from tornado.websocket import websocket_connect

TOKEN = "t0k"


def start() -> str:
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    request = urllib.request.Request("http://127.0.0.1:8888/api/kernels", b'{"name": "python3"}', headers)
    return json.load(urllib.request.urlopen(request, timeout=60))["id"]


async def run(kernel: str, code: str) -> None:
    socket = await websocket_connect(HTTPRequest(f"ws://127.0.0.1:8888/api/kernels/{kernel}/channels?token={TOKEN}"))
    header = {"msg_id": "1", "username": "u", "session": "s", "msg_type": "execute_request", "version": "5.3"}
    content = {"code": code, "silent": False, "store_history": False, "user_expressions": {}, "allow_stdin": False}
    message = {"header": header, "parent_header": {}, "metadata": {}, "channel": "shell", "content": content}
    await socket.write_message(json.dumps(message))
    awaited = {"reply", "idle"}  # two channels, in any order; "idle" comes after all that the line shows
    while awaited and (text := await asyncio.wait_for(socket.read_message(), 100)):
        answer = json.loads(text) if isinstance(text, str) else {}
        kind, content = answer.get("msg_type"), answer.get("content")
        if kind == "stream":
            print(content["text"])
        if kind == "error":
            print(content["ename"], content["evalue"])
        if kind in ("display_data", "execute_result"):
            print(sorted(content["data"]))
        if kind == "execute_reply":
            print(content["status"])
            awaited.discard("reply")
        if kind == "status" and content["execution_state"] == "idle" and answer["parent_header"].get("msg_id") == "1":
            awaited.discard("idle")


asyncio.run(run(start(), sys.argv[1]))
