"""The JSON Schema of probe files accepts what slimmer reads, and nothing else: both come from one definition."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from slimmer.errors import UsageError
from slimmer.exercise.probe_file import requests_from_file
from slimmer.exercise.yaml_document import YamlDocument
from tests.schemas import FOLDER

ROOT = Path(__file__).parents[2]
READY_MADE = sorted([*ROOT.glob("probes/http/*.yaml"), *ROOT.glob("sample_apps/*/probes.yaml")])
SCHEMA = Draft202012Validator(json.loads((FOLDER / "probe-file.json").read_text()))

VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None, True, 0, 1, 80, 200, 1000, 70_000, 1.5, "", "a", "a b", "/x", "*", "x:1", [], ["a", 1], [None], [200, 404], [99], {},
        {"a": 1}, {"a": ["b", 2.5]}, {"a": None}, {"a b": "c"}, {"json": "$.a"}, {"t": {"json": "$.a"}}, {"t": {"header": "X"}},
        {"t": {"json": "$", "regex": "a"}}, {"t": {}}, {"1": {"json": "$"}}, {"basic": {"user": "a", "password": 1}}, {"bearer": "a"},
        {"basic": {"user": "a"}}, {"basic": {"user": "a", "password": 1}, "bearer": "a"}, {"status": 200}, {"status": [200, 99]},
        {"contains": ["a", "b"], "content_type": "text/html"}, {"contains": 5}, {"state": 1}, {"f": {"file": "probes.json"}},
        2, [{"send": "a"}, {"expect": {"hex": "00 ff"}}], [{"send": "a", "expect": "b"}], [{}], [{"send": {"hex": "0"}}], [{"send": 5}],
        {"f": [{"file": "probes.json", "type": "a/b", "name": "c"}, "d"]}, {"f": {"fill": "x"}}, {"f": {"name": "x"}}, "probes.json",
    ]
)  # fmt: skip
KEYS = (
    "http",
    "websocket",
    "tcp",
    "udp",
    "path",
    "method",
    "headers",
    "auth",
    "json",
    "form",
    "body",
    "file",
    "multipart",
    "port",
    "capture",
    "repeat",
    "expect",
    "bodi",
)
ENTRIES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3) | VALUES
WITH_PATH = ENTRIES.map(lambda entry: {"path": "/", **entry} if isinstance(entry, dict) else entry)
DOCUMENTS = st.lists(WITH_PATH | ENTRIES, max_size=2)

BEYOND = ("cannot be read", "has no parts", "`path` cannot")
"""What only reading the files and knowing the protocol can tell."""


def complaint(document: Any) -> str:
    """What slimmer says of a document; "" if it reads it."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "probes.json")
        file.write_text(json.dumps(document))
        try:
            requests_from_file(file)
        except UsageError as error:
            return error.message
        return ""


@given(DOCUMENTS, st.booleans())
def test_the_schema_and_the_reader_agree(entries: list[Any], wrapped: bool) -> None:
    document = {"requests": entries} if wrapped else entries
    said = complaint(document)
    if not any(words in said for words in BEYOND):
        assert SCHEMA.is_valid(document) is (said == ""), said


@pytest.mark.parametrize("document", [{}, {"requests": {}}, {"request": []}, {"requests": [], "more": 1}, 5, None])
def test_they_agree_on_the_document(document: Any) -> None:
    assert complaint(document) and not SCHEMA.is_valid(document)


@pytest.mark.parametrize("file", READY_MADE, ids=lambda file: str(file.relative_to(ROOT)))
def test_ready_made_files_fit(file: Path) -> None:
    assert list(SCHEMA.iter_errors(YamlDocument(file).value)) == []
