"""Configurations as a hostile image may have them, for tests that make up their cases (hypothesis)."""

from __future__ import annotations

import dataclasses
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from slimmer.image.config import Healthcheck, ImageConfig

UNSAYABLE = (
    "\n", "\r", "\r\n", "\nRUN id", "\nUSER 0\n", "\x1b]0;title\x07", "\x1b[31m", "\x00", "\x0b", "\x0c", "\x1c", "\x85", "\u2028",
    "\u2029", "\u202e", "\u200b", "\ufeff", "\xa0", "\u3000",
)  # fmt: skip
"""Line ends and what does not print: no line of a Dockerfile can hold them raw."""

AWKWARD = (
    "\\", "\\\\", '"', "'", "$", "$$", "${A:-x}", "$(id)", "`id`", "#", "# escape=`", " ", "  ", "\t", "<<EOF", "--flag=1", "[", "]",
    '["a"]', "[1]", "=", "%", ",", "CMD", "NONE", "é漢🐳", "a", "B", "0", "/", "|", "{{x}}",
)  # fmt: skip
"""What a parser of lines, words, quotes, variables, flags, comments or arrays could trip over."""

SURROGATE = "\ud800"
SECOND = 1_000_000_000


def texts(pieces: tuple[str, ...], most: int = 6) -> SearchStrategy[str]:
    """Texts out of these pieces, the empty one included."""
    return st.lists(st.sampled_from(pieces), max_size=most).map("".join)


def configs(pieces: tuple[str, ...]) -> SearchStrategy[ImageConfig]:
    """Whole configurations whose values are made of these pieces, in every field that a Dockerfile has."""
    text = texts(pieces)
    words = st.lists(text, max_size=4).map(tuple)
    fields: dict[str, SearchStrategy[Any]] = {
        "author": text,
        "env": st.lists(st.one_of(_entries(text), text), max_size=5).map(tuple),
        "labels": st.dictionaries(text, text, max_size=5).map(lambda labels: tuple(sorted(labels.items()))),
        "user": text,
        "working_dir": st.one_of(st.just(""), text.map(lambda value: "/" + value), text),
        "volumes": st.sets(st.one_of(text.map(lambda value: "/" + value), text), max_size=3).map(sorted).map(tuple),
        "exposed_ports": st.sets(st.one_of(_ports(), text), max_size=3).map(sorted).map(tuple),
        "stop_signal": st.sampled_from(("", "SIGTERM", "15", "RTMIN+3", "SIGRTMIN+16", "99", "TERM\nRUN id", "$SIG")),
        "shell": st.one_of(st.none(), words),
        "entrypoint": st.one_of(st.none(), words),
        "cmd": st.one_of(st.none(), words),
        "healthcheck": st.one_of(st.none(), _checks(text, words)),
        "on_build": st.lists(_triggers(text), max_size=3).map(tuple),
    }
    # Most fields are left out of most cases: a single one that no Dockerfile can say decides for all of them.
    some = st.fixed_dictionaries({}, optional=fields)
    return some.map(lambda values: dataclasses.replace(PLAIN, **values))


PLAIN = ImageConfig(image_id="", architecture="amd64", os="linux", created="2024-02-03T04:05:06Z")


def _entries(text: SearchStrategy[str]) -> SearchStrategy[str]:
    names = st.sampled_from(("A", "b.c-d", "PATH", "_1"))
    return st.tuples(names, text).map(lambda entry: f"{entry[0]}={entry[1]}")


def _ports() -> SearchStrategy[str]:
    number = st.sampled_from(("1", "80", "080", "0", "65535", "65536", "٣"))
    return st.tuples(number, st.sampled_from(("/tcp", "/udp", "/sctp", "/TCP", ""))).map("".join)


def _checks(text: SearchStrategy[str], words: SearchStrategy[tuple[str, ...]]) -> SearchStrategy[Healthcheck]:
    test = st.one_of(
        text.map(lambda value: ("CMD-SHELL", value)),
        words.map(lambda value: ("CMD", *value)),
        words.map(lambda value: ("CMD-SHELL", *value)),
        st.just(("NONE",)),
        text.map(lambda value: (value, "x")),
    )
    time = st.sampled_from(
        (0, 0, 1, 999_999, 1_000_000, 1_000_001, SECOND, 90 * SECOND, 7200 * SECOND, -SECOND, (1 << 63) - 1)
    )
    retries = st.sampled_from((0, 1, 3, -1, (1 << 31) - 1, 1 << 31))
    return st.builds(
        Healthcheck,
        test,
        interval=time,
        timeout=time,
        start_period=time,
        start_interval=st.sampled_from((0, 0, SECOND)),
        retries=retries,
    )


def _triggers(text: SearchStrategy[str]) -> SearchStrategy[str]:
    keyword = st.sampled_from(
        ("RUN", "run", "COPY", "ADD", "ENV", "LABEL", "CMD", "USER", "ONBUILD", "FROM", "MAINTAINER", "X", "")
    )
    return st.tuples(keyword, st.sampled_from((" ", " ", "\t", "")), text).map("".join)
