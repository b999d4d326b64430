"""A real app whose answers never are the same twice: that is no difference, and what is one is named with its request."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from slimmer.engine import images
from slimmer.engine.connection import Engine, connect
from slimmer.engine.options import RunOptions
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import ReplayExpectations, replay_expectations
from slimmer.exercise.plan import ExercisePlan
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.request import Request
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.probe_binary import probe_path
from slimmer.runs.start import ask_identity, native_run, watched_run
from slimmer.verify.behaviour import compare_behaviour
from slimmer.verify.structure import Difference
from tests.engine.prompt import PromptResources

pytestmark = pytest.mark.usefixtures("leftovers")

APP = r"""
import http.server, json, os, random, secrets, socket, sys, time, uuid

BROKEN = os.environ.get("BROKEN", "")
PAGE = '''<!doctype html>
<html><head><title>Shop</title><meta name="csrf" content="{token}"></head>
<body><p>It is {now}</p>
<ul>{goods}</ul>
<form><input type="hidden" name="nonce" value="{nonce}"></form>
<footer>{host}, request {request}, {load} ms</footer></body></html>
'''

def page():
    goods = ["apples", "pears", "figs"][: 2 if BROKEN == "page" else 3]
    return PAGE.format(
        token=secrets.token_urlsafe(32), nonce=secrets.token_hex(16), now=time.strftime("%a, %d %b %Y %H:%M:%S GMT"),
        goods="".join(f"<li>{good}</li>" for good in goods), host=socket.gethostname(), request=uuid.uuid4(),
        load=random.random())

def state():
    tags = list({secrets.token_hex(4) for _ in range(3)})
    return json.dumps({
        "id": str(uuid.uuid4()), "at": time.time(), "pid": os.getpid(), "host": socket.gethostname(),
        "port": random.randrange(1024, 65536), "tags": tags, "sessions": {secrets.token_hex(8): {"new": True}},
        "fonts": random.sample(["serif", "sans", "mono"], 3), "zones": None if BROKEN == "state" else ["UTC", "CET"],
    })

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        kind, body = {
            "/": ("text/html", page().encode()),
            "/state": ("application/json", state().encode()),
            "/image": ("image/png", b"\x89PNG\r\n\x1a\n\0" + secrets.token_bytes(random.randrange(900, 1000))),
        }.get(self.path, ("text/plain", b"healthy"))
        if BROKEN == "image" and self.path == "/image":
            body = b"no codec\0"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Set-Cookie", "sid=" + secrets.token_hex(16))
        if BROKEN != "header":
            self.send_header("Vary", "Cookie")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass

print(f"{time.time()} [{os.getpid()}] error: no cache at {id(Handler):#x}, {uuid.uuid4()}", flush=True)
if BROKEN == "log":
    print(f"{time.time()} error: libjpeg.so.62: cannot open shared object file", flush=True)
http.server.ThreadingHTTPServer(("", 8000), Handler).serve_forever()
"""

PLAN = ExercisePlan(
    requests=(Request("GET", "/"), Request("GET", "/state"), Request("GET", "/image")),
    explicit=True,
    exec_commands=(("sh", "-c", 'echo "$(date +%N) $(hostname) $$"; echo ${BROKEN:-good}'),),
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


def exercised_natively(engine: Engine, image: str, expectations: ReplayExpectations, broken: str) -> ExerciseResult:
    options = RunOptions(entrypoint=("python3", "-u", "-c", APP), env=(f"BROKEN={broken}",))
    with PromptResources(engine) as scope:
        config = images.resolve(engine, image)
        with native_run(scope, config, options, config.image_id, (8000,), None, "native") as run:
            return exercise(run, PLAN, expectations)


@pytest.fixture(scope="module")
def original(engine: Engine, sample: Callable[[str], str]) -> tuple[str, ExerciseResult, ExerciseResult]:
    """The image, the app under the probe, and the app once more without it."""
    image = sample("flask")
    options = RunOptions(entrypoint=("python3", "-u", "-c", APP), env=("BROKEN=",))
    with PromptResources(engine) as scope:
        config, probe = images.resolve(engine, image), probe_path(engine.architecture)
        identity = ask_identity(scope, config, options, probe)
        with watched_run(scope, config, options, probe, identity, "auto", "observed") as (run, _):
            primary = exercise(run, PLAN, profile=AppProfile(expected_ports=(8000,)))
    assert failure(primary) is None
    return image, primary, exercised_natively(engine, image, replay_expectations(primary), "")


def instances(
    engine: Engine, image: str, primary: ExerciseResult, secondary: ExerciseResult
) -> Iterator[ExerciseResult]:
    """The original once more, and a fresh instance each further time: two may agree by chance, as in the second they ran."""
    yield secondary
    while True:
        yield exercised_natively(engine, image, replay_expectations(primary), "")


def differences(
    engine: Engine, original: tuple[str, ExerciseResult, ExerciseResult], broken: str
) -> tuple[Difference, ...]:
    image, primary, secondary = original
    candidate = exercised_natively(engine, image, replay_expectations(primary), broken)
    others = instances(engine, image, primary, secondary)
    found = compare_behaviour(primary, candidate, lambda: next(others))
    return tuple(difference for difference in found if "container" not in difference.where)


def test_answers_that_are_never_the_same_twice_are_the_same(
    engine: Engine, original: tuple[str, ExerciseResult, ExerciseResult]
) -> None:
    for _ in range(3):
        assert differences(engine, original, "") == ()
    assert original[1].error_lines == ("# [#] error: no cache at #",)


@pytest.mark.parametrize(
    ("broken", "told", "shown"),
    [
        ("page", "GET :8000/: body was", "</li>"),
        ("state", "GET :8000/state: body was", '- $.zones: ["UTC", "CET"]\n    + $.zones: null'),
        ("image", "GET :8000/image: body was", "is 9 bytes"),
        ("header", "GET :8000/: header vary was cookie, is none", ""),
        ("log", "the app: log was without new errors, is with one kind of new errors", "libjpeg.so.#: cannot open"),
    ],
)
def test_what_is_another_answer_is_named_with_its_request(
    engine: Engine, original: tuple[str, ExerciseResult, ExerciseResult], broken: str, told: str, shown: str
) -> None:
    found = differences(engine, original, broken)
    assert len(found) == (3 if broken == "header" else 1), found
    assert str(found[0]).startswith(told)
    assert shown in str(found[0])


def test_another_output_of_a_command_is_named(
    engine: Engine, original: tuple[str, ExerciseResult, ExerciseResult]
) -> None:
    image, primary, secondary = original
    candidate = exercised_natively(engine, image, replay_expectations(primary), "output")
    others = instances(engine, image, primary, secondary)
    (found,) = compare_behaviour(primary, candidate, lambda: next(others))
    assert str(found).startswith(
        "container command sh: output was the original's, is different\n    - good\n    + output"
    )
