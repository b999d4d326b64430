"""Find the ID in an answer, and say where it is as a JSON path (RFC 9535), so that another run finds its own there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from slimmer.exercise.api.order import Need, words

MOST_WIDE = 50
"""How many members of an object are looked at."""

IDS = ("id", "_id", "uuid", "guid", "key")
"""The usual names of an ID, those first that are meant most often."""

TOKENS = ("access_token", "token", "auth_token", "jwt", "id_token")
"""The usual names of a bearer token (RFC 6749, section 5.1)."""

_TOKEN = re.compile(r"[\w.~+/=-]{1,8192}", re.ASCII)
"""A bearer token (RFC 6750, section 2.1)."""

_PLAIN = re.compile(r"[\w.~:@!$'()*+,;=-]{1,256}")
"""A value that stands for itself in a path."""

_KEY = re.compile(r"[\w$ .-]{1,100}")


def parsed(body: bytes | None) -> object:
    """Return an answer as JSON has it; None if it is none."""
    try:
        return json.loads(body or b"null")
    except (ValueError, RecursionError):
        return None


def path_to(answer: object, need: Need) -> str:
    """Return the JSON path of the value that is needed; "" if there is none."""
    if is_plain(answer):
        return "$"
    for names in _names_of(need):
        for path, value in _objects(answer):
            for key, inner in list(value.items())[:MOST_WIDE]:
                if normal(str(key)) == names and is_plain(inner) and _KEY.fullmatch(str(key)):
                    return f"{path}['{key}']"
    return ""


def path_to_token(answer: object) -> str:
    """Return the JSON path of a bearer token in an answer; "" if it has none."""
    for wanted in map(normal, TOKENS):
        for path, value in _objects(answer):
            for key, inner in list(value.items())[:MOST_WIDE]:
                if (
                    normal(str(key)) == wanted
                    and _KEY.fullmatch(str(key))
                    and isinstance(inner, str)
                    and _TOKEN.fullmatch(inner)
                ):
                    return f"{path}['{key}']"
    return ""


def value_in(sent: object, need: Need) -> str:
    """Return the value that was sent for what is needed, if the client chooses it, as a user's name; "" if there is none."""
    for name in _names_of(need):
        for key, inner in sent.items() if isinstance(sent, dict) else ():
            if normal(str(key)) == name and is_plain(inner):
                return str(inner)
    return ""


def is_plain(value: object) -> bool:
    """Return True for a number or a text that can be an ID."""
    if isinstance(value, str):
        return bool(_PLAIN.fullmatch(value)) and bool(value.strip("."))
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 64


def normal(name: str) -> str:
    """Return a name as it is compared: `itemId` and `item_id` are the same."""
    return ("_" if name.startswith("_") else "") + "".join(words(name))


def _names_of(need: Need) -> Iterator[str]:
    """Yield the names under which the value may be, the best first."""
    whole, last = normal(need.name), words(need.name)[-1:]
    tail = whole.removeprefix(need.word)
    is_id = last in (["id"], ["ids"], ["uuid"], ["guid"]) or whole.endswith("id")
    names = [whole, *([tail] if tail and not is_id else []), *IDS, need.word + "id"]
    if not is_id:
        names += ["name", "slug", "code"]
    yield from dict.fromkeys(names)


def _objects(answer: object) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield the objects in which an ID may be: the answer, what it wraps, and the first of a list."""
    if isinstance(answer, dict):
        yield "$", answer
        members = [(key, one) for key, one in list(answer.items())[:MOST_WIDE] if _KEY.fullmatch(str(key))]
        for key, one in members:
            if isinstance(one, dict):
                yield f"$['{key}']", one
        for key, one in members:
            if isinstance(one, list) and one and isinstance(one[0], dict):
                yield f"$['{key}'][0]", one[0]
    elif isinstance(answer, list) and answer and isinstance(answer[0], dict):
        yield "$[0]", answer[0]
