"""What a build did not exercise of two real apps: their own code alone is named, in the report, on the console and by `slimmer explain`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.engine.command import slimmer
from tests.engine.names import LABEL, OWN
from tests.schemas import misfits

IMAGE, TAG = f"{OWN}-unexercised:latest", f"{OWN}-unexercised:slim"
SILENT = "import socket\ns = socket.create_server(('', 9100))\nwhile True:\n    client = s.accept()\n"
SERVERS = (
    "python3 silent.py & python3 -m http.server 9000 --directory static & exec gunicorn --bind 0.0.0.0:8000 app:app"
)


@pytest.fixture(scope="module")
def flask(sample: Callable[[str], str]) -> str:
    return sample("flask")


@pytest.fixture(scope="module")
def express(sample: Callable[[str], str]) -> str:
    return sample("express")


@contextmanager
def extended(engine: docker.DockerClient, base: str, folder: str, files: dict[str, str], place: Path) -> Iterator[str]:
    """An image of a sample with more files of the author below its folder. Those in bin/ are executable."""
    for name, content in files.items():
        path = place / "more" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        path.chmod(0o755 if name.startswith("bin/") else 0o644)
    (place / "Dockerfile").write_text(f"FROM {base}\nCOPY more {folder}\n")
    engine.images.build(path=str(place), tag=IMAGE, rm=True, forcerm=True, labels={LABEL: OWN})
    try:
        yield IMAGE
    finally:
        engine.images.remove(IMAGE, force=True)


def built(image: str, out: Path, engine: docker.DockerClient, *options: str) -> tuple[dict[str, Any], str]:
    """Build without verification: the report, and what was said."""
    result = slimmer(
        "build",
        image,
        "--tag",
        TAG,
        "--out",
        out,
        "--no-verify",
        "--no-crawl",
        "--no-openapi",
        "--no-graphql",
        "--no-grpc",
        *options,
    )
    assert result.returncode == 0, result.stderr
    engine.images.remove(TAG, force=True)
    report: dict[str, Any] = json.loads((out / "report.json").read_text())
    assert misfits("report", report) == []
    return report, result.stderr


def named(report: dict[str, Any]) -> dict[str, str]:
    """The kinds of the files that nothing touched, by path."""
    return {item["path"]: item["kind"] for item in report["unexercised"]["items"]}


@pytest.mark.usefixtures("leftovers")
def test_modules_executables_and_templates_of_a_flask_app(
    flask: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    more = {
        "billing.py": "RATE = 2\n",
        "silent.py": SILENT,
        "worker/jobs.py": "def run(): pass\n",
        "tests/test_shop.py": "import app\n",
        "bin/nightly": "#!/bin/sh\n",
        "bin/data.csv": "a,b\n",
    }
    with extended(engine, flask, "/app", more, tmp_path) as image:
        out = tmp_path / "out"
        options = ("--policy", "observed", "--probe", "/", "--cmd", json.dumps(["sh", "-c", SERVERS]))
        report, said = built(image, out, engine, *options)
    assert named(report) == {
        "/app/billing.py": "module",
        "/app/bin/nightly": "executable",
        "/app/templates/book.html": "template",
        "/app/templates/error.html": "template",
        "/app/worker/jobs.py": "module",
    }
    assert (report["unexercised"]["count"], report["unexercised"]["kept"]) == (5, 0)
    asked = report["exercised"]
    assert [(port["port"], port["use"]) for port in asked["ports"]] == [
        (8000, "answered"),
        (9000, "answered"),
        (9100, "silent"),
    ]
    assert (asked["requests"], asked["answers"], asked["unanswered"]) == (2, {"2xx": 2}, 0)
    words = "exercised 2 requests on 2 of 3 ports and ran 1 command; 2 modules, 2 templates and 1 executable of your code were never used"
    told = " ".join(said.split())
    assert words in told and f"list them: slimmer explain --unexercised {out}" in told
    result = slimmer("explain", out, "--unexercised")
    assert result.returncode == 0, result.stderr
    assert "module /app/worker/jobs.py: dropped\n" in result.stdout
    assert "port 9100/tcp: no request was answered\n" in result.stdout


@pytest.mark.usefixtures("leftovers")
def test_modules_of_an_express_app_and_the_rules_that_keep_them(
    express: str, engine: docker.DockerClient, tmp_path: Path
) -> None:
    more = {"jobs/mail.js": "module.exports = 1\n", "jobs/mail.test.js": "\n", "public/more.js": "1\n"}
    with extended(engine, express, "/srv/app", more, tmp_path) as image:
        report, said = built(image, tmp_path / "out", engine, "--probe", "/")
    assert named(report) == {
        "/srv/app/jobs/mail.js": "module",
        "/srv/app/views/not-found.ejs": "template",
        "/srv/app/views/note.ejs": "template",
    }
    assert all(item["kept"] and item["rule"] for item in report["unexercised"]["items"])
    assert "1 module and 2 templates of your code were never used (all are kept by the policy)" in " ".join(
        said.split()
    )
