"""Write a VEX document in the format OpenVEX 0.2.0.

Source: the OpenVEX specification (OPENVEX-SPEC.md) and its JSON Schema, which allows no impact statement beside a justification.
"""

from __future__ import annotations

import json
from typing import Any

from slimmer.report.vex import NOTE, Statement, VexFacts

CONTEXT = "https://openvex.dev/ns/v0.2.0"


def as_openvex(facts: VexFacts) -> str:
    """Return the document as JSON in ASCII."""
    document = {
        "@context": CONTEXT,
        "@id": f"urn:uuid:{facts.identity}",
        "author": facts.author,
        "timestamp": facts.time.isoformat().replace("+00:00", "Z"),
        "version": 1,
        "tooling": facts.tooling,
        "statements": [_statement(facts, statement) for statement in facts.statements],
    }
    return json.dumps(document, indent=2)


def _statement(facts: VexFacts, statement: Statement) -> dict[str, Any]:
    aliases = {"aliases": list(statement.aliases)} if statement.aliases else {}
    purl = facts.product.purl
    return {
        "vulnerability": {"name": statement.vulnerability, **aliases},
        "products": [
            {
                "@id": purl,
                "identifiers": {"purl": purl},
                "subcomponents": [{"@id": one, "identifiers": {"purl": one}} for one in statement.packages],
            }
        ],
        "status": "not_affected",
        "justification": "component_not_present",
        "status_notes": NOTE,
    }
