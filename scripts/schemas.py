"""Writes a JSON Schema (2020-12) for probe files and each JSON document of slimmer's into a folder: schemas.py [FOLDER], docs/schemas by default.

The types that read a document, or of which it is written, are all that it is made of; their docstrings are the descriptions.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from slimmer.artifacts import attestation, manifest, package_file, report_file, tree_file
from slimmer.exercise.probe_format import KINDS, Entries, Entry, ProbeFile
from slimmer.observe import log
from slimmer.report import (
    comparison_document,
    diagnosis,
    explanation,
    probe_check,
    sizes,
    unexercised,
    unproven,
    vulnerability_document,
)
from slimmer.versioned_json import LARGEST, NAME_PATTERN, Format

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FOLDER = Path(__file__).parents[1] / "docs/schemas"
REFERENCE = "#/$defs/{name}"

READ = {
    "access": ("access.json", log.FORMAT),
    "packages": ("packages.json.zst, decompressed", package_file.FORMAT),
    "report": ("report.json, and the output of slimmer build --format json", report_file.FORMAT),
    "tree": ("tree.json.zst, decompressed", tree_file.FORMAT),
}
"""What slimmer reads back: by name of the schema, where it is found, and its format."""

PRINTED = {
    "comparison": ("The output of slimmer compare --format json", comparison_document.FORMAT),
    "doctor": ("The output of slimmer doctor --format json", diagnosis.FORMAT),
    "explanation": ("The output of slimmer explain --format json", explanation.FORMAT),
    "probe-check": ("The output of slimmer probe check --format json", probe_check.FORMAT),
    "sizes": ("The output of slimmer explain --why-size --format json", sizes.FORMAT),
    "unexercised": ("The output of slimmer explain --unexercised --format json", unexercised.FORMAT),
    "unproven": ("The output of slimmer explain --unproven --format json", unproven.FORMAT),
    "vulnerabilities": ("The output of slimmer vex --format json", vulnerability_document.FORMAT),
}
"""What slimmer only writes: all fields are always there, also those for which the type has a default."""

ROWS = (log.AccessRow, package_file.PackageRow, tree_file.TreeRow)
"""Types that stand as arrays: their fields' names are the titles of the items."""

SHARED = {
    "Name": (
        {"type": "string", "pattern": NAME_PATTERN},
        r"A text without NUL. A byte that is not UTF-8 is a surrogate escape, \udcXX; there are no other lone surrogates.",
    ),
    "Number": (
        {"type": "integer", "minimum": 1 - LARGEST, "maximum": LARGEST - 1},
        "A whole number. slimmer reads none of 2^64 or more.",
    ),
}
"""Types that stand in many places, with what they mean."""


def schemas() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each schema with its name."""
    for name, (title, format_) in READ.items():
        yield name, _document(title, format_, printed=False)
    for name, (title, format_) in PRINTED.items():
        yield name, _document(title, format_, printed=True)
    yield "attestation", _attestation()
    yield "manifest", _manifest()
    yield "probe-file", _probe_file()


def _document(title: str, format_: Format[Any], *, printed: bool) -> dict[str, Any]:
    definitions = _definitions(format_.body)
    body = definitions.pop(format_.body.__name__)
    if printed:
        for definition in (body, *definitions.values()):
            if "properties" in definition:  # an enumeration has none
                definition["required"] = list(definition["properties"])
    return _finished(title, _headed(body, format_, numbers=not printed), definitions)


def _manifest() -> dict[str, Any]:
    """Of a line: it is the head or a path."""
    definitions = _definitions(manifest.ManifestHead, manifest.ManifestLine)
    definitions["ManifestHead"] = _headed(definitions["ManifestHead"], manifest.FORMAT, numbers=False)
    lines = [{"$ref": REFERENCE.format(name=kind)} for kind in ("ManifestHead", "ManifestLine")]
    return _finished("A line of manifest.jsonl: the first is the head", {"anyOf": lines}, definitions)


def _attestation() -> dict[str, Any]:
    """Of a statement, which has the head in its predicate."""
    definitions = _definitions(attestation.Statement)
    body = definitions.pop("Statement")
    for definition in (body, *definitions.values()):
        if "properties" in definition and definition["title"] != "AttestedImage":
            definition["required"] = list(definition["properties"])
    name = attestation.Attestation.__name__
    definitions[name] = _headed(definitions[name], attestation.FORMAT, numbers=False)
    return _finished(
        "The statement of slimmer build --attest and slimmer attest (docs/attestation.md)", body, definitions
    )


def _probe_file() -> dict[str, Any]:
    """Of what users write: it has no head, and may be the list alone."""
    types = [ProbeFile | Entries, Entry, *KINDS.values()]
    (either, *_), definitions = msgspec.json.schema_components(types, ref_template=REFERENCE)
    return _finished("A probe file (docs/exercise.md), as YAML or JSON", either, definitions)


def _definitions(*types: type) -> dict[str, dict[str, Any]]:
    _, definitions = msgspec.json.schema_components(types, ref_template=REFERENCE)
    for row in ROWS:
        if row.__name__ in definitions:
            definition = definitions[row.__name__]
            items = zip(row.__struct_fields__, definition["prefixItems"], strict=True)
            definition["prefixItems"] = [{"title": field, **_named(item)} for field, item in items]
    return {name: _named(definition) for name, definition in definitions.items()}


def _named(schema: Any) -> Any:
    """The schema with references to SHARED in the place of what they stand for."""
    for name, (meaning, _) in SHARED.items():
        if isinstance(schema, dict) and meaning.items() <= schema.items():
            rest = {key: value for key, value in schema.items() if key not in meaning}
            return {"$ref": REFERENCE.format(name=name), **rest}
    if isinstance(schema, dict):
        return {key: _named(value) for key, value in schema.items()}
    return [_named(entry) for entry in schema] if isinstance(schema, list) else schema


def _headed(body: Mapping[str, Any], format_: Format[Any], *, numbers: bool) -> dict[str, Any]:
    """A body with the fields of the head before its own. `numbers`: older files have a number for a version."""
    major = format_.version.major
    version: dict[str, Any] = {"type": "string", "pattern": rf"^{major}\.[0-9]+$"}
    if numbers:
        version = {"anyOf": [version, {"const": major}]}
    version["description"] = (
        f"MAJOR.MINOR; this describes {format_.version}. Later minor versions may have more fields."
    )
    head = {"format": {"const": format_.name}, "version": version}
    return {
        **body,
        "properties": {**head, **body["properties"]},
        "required": [*head, *body.get("required", ())],
    }


def _finished(title: str, body: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    used = json.dumps([body, definitions])
    shared = {
        name: {"title": name, **meaning, "description": words}
        for name, (meaning, words) in SHARED.items()
        if f'"{REFERENCE.format(name=name)}"' in used
    }
    return {"$schema": DIALECT, **body, "title": title, "$defs": {**definitions, **shared}}


def main() -> None:
    """Write all schemas into the folder; those of formats that are gone go, too."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.json"):
        old.unlink()
    for name, schema in schemas():
        (folder / f"{name}.json").write_text(json.dumps(schema, indent=2) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
