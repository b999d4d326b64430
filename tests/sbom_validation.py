"""Judges bills of materials by the official schemas and rules, with the libraries of the two projects."""

from __future__ import annotations

from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from spdx_tools.spdx.parser.parse_anything import parse_file
from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document


def cyclonedx_faults(text: str) -> list[str]:
    """What is wrong with a document of CycloneDX 1.6; empty if nothing is."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return [] if error is None else [repr(error)]


def spdx_faults(text: str, folder: Path) -> list[str]:
    """What is wrong with a document of SPDX 2.3; empty if nothing is. The folder is for a temporary file."""
    place = folder / "document.spdx.json"
    place.write_text(text, encoding="utf-8")
    document = parse_file(str(place))
    return [fault.validation_message for fault in validate_full_spdx_document(document)]
