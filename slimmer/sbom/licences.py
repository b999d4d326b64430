"""Tell SPDX expressions from other names of licences, and write both as the formats want it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache, lru_cache
from typing import Any


@lru_cache(maxsize=4096)
def spdx_expression(text: str) -> str:
    """Return a licence as an SPDX expression; "" if it is none. Lower and upper case do not matter (SPDX 2.3, annex D).

    An operator must stand between two licences, and each licence must be on SPDX's list.
    """
    from license_expression import ExpressionError

    licensing = _licensing()
    try:
        parsed = licensing.parse(text, validate=True, strict=True)
    except (ExpressionError, ValueError, RecursionError):
        return ""
    except Exception:  # its parser raises other errors for odd texts
        return ""
    symbols = list(licensing.license_symbols(parsed, unique=True, decompose=True)) if parsed is not None else []
    listed = bool(symbols) and not any(symbol.key.startswith("LicenseRef-") for symbol in symbols)
    return str(parsed.render("{symbol.key}")) if listed and parsed is not None else ""


def warm(names: Iterable[str]) -> None:
    """Parse these licences, so that they are known when a document is written."""
    for name in names:
        spdx_expression(name)


def all_of(licences: Iterable[str]) -> str:
    """Return an expression that all of these expressions apply."""
    several = list(dict.fromkeys(licences))
    return " AND ".join(f"({one})" if " " in one and len(several) > 1 else one for one in several)


def reference(name: str) -> str:
    """Return the reference of a licence that is not on SPDX's list (SPDX 2.3, 10.1)."""
    return f"LicenseRef-slimmer-{hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()[:16]}"


@cache
def _licensing() -> Any:
    from license_expression import get_spdx_licensing

    return get_spdx_licensing()
