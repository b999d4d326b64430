r"""An independent reader of Dockerfiles: what a builder makes of a text, with the points on which builders disagree as options.

It follows the Dockerfile reference and the parsers of BuildKit and buildah, and shares no code with slimmer. It refuses
what they refuse: an unknown instruction, one without arguments, a variable that would be expanded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

KEYWORDS = {
    "FROM", "ADD", "MAINTAINER", "ENV", "LABEL", "EXPOSE", "VOLUME", "STOPSIGNAL", "SHELL", "HEALTHCHECK", "USER", "WORKDIR",
    "ENTRYPOINT", "CMD", "ONBUILD",
}  # fmt: skip
FLAGS = {"HEALTHCHECK"}
DIRECTIVE = re.compile(r"#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*")


class Refused(Exception):
    """A builder would refuse this text."""


@dataclass(frozen=True, slots=True)
class Builder:
    """How a builder reads. `any_line_end`: lines end at all that Unicode calls a line's end, and not at LF alone.

    `heredocs`: `<<` in an ONBUILD RUN, ADD or COPY takes the lines that follow with it. `pairs`: two backslashes at the end of a
    line do not continue it.
    """

    name: str
    any_line_end: bool = False
    heredocs: bool = False
    pairs: bool = False

    def read(self, text: str) -> Read:
        """What this builder makes of the text. Raises Refused."""
        lines = text.splitlines() if self.any_line_end else [line.removesuffix("\r") for line in text.split("\n")]
        if any(len(line.encode()) > 65_535 for line in lines):
            raise Refused("a line is too long")
        read = Read()
        for line in self._logical(lines):
            keyword, _, rest = line.strip().partition(" ")
            read.add(keyword.upper(), rest.strip())
        return read

    def _logical(self, lines: list[str]) -> Iterator[str]:
        """Instructions, with the lines that continue them; no comments."""
        escape = _escape(lines)
        waiting = iter(lines)
        for line in waiting:
            line = line.lstrip()
            if not line or line.startswith("#"):
                continue
            while self._continues(line, escape):
                line = line.rstrip(" \t").removesuffix(escape)
                following = next(waiting, None)
                while following is not None and (not following.strip() or following.lstrip().startswith("#")):
                    following = next(waiting, None)
                if following is None:
                    break
                line += following
            yield line
            if self.heredocs and re.match(r"ONBUILD\s+(RUN|ADD|COPY)\s.*<<", line, re.IGNORECASE):
                list(waiting)  # to the end of what begins here: most of the file

    def _continues(self, line: str, escape: str) -> bool:
        line = line.rstrip(" \t")
        return line.endswith(escape) and not (self.pairs and line.endswith(escape * 2))


BUILDERS = (
    Builder("classic"),
    Builder("BuildKit", heredocs=True, pairs=True),
    Builder("buildah", heredocs=True),
    Builder("a tool in Python", any_line_end=True, pairs=True),
)


def _escape(lines: list[str]) -> str:
    escape = "\\"
    for line in lines:
        match = DIRECTIVE.fullmatch(line)
        if match is None or match[1].lower() not in ("escape", "syntax", "check"):
            return escape
        escape = match[2] if match[1].lower() == "escape" else escape
    return escape


@dataclass(slots=True)
class Read:
    """The configuration that a text gives, by the names of an ImageConfig's fields."""

    values: dict[str, Any] = field(default_factory=dict)

    def add(self, keyword: str, rest: str) -> None:
        """Take one instruction in."""
        if keyword not in KEYWORDS:
            raise Refused(f"unknown instruction: {keyword}")
        if not rest:
            raise Refused(f"{keyword} without an argument")
        if rest.startswith("--") and keyword not in FLAGS:
            raise Refused(f"{keyword} with a flag")
        getattr(self, f"_{keyword.lower()}")(rest)

    def _once(self, name: str, value: Any) -> None:
        assert name not in self.values, f"{name} is said twice"
        self.values[name] = value

    def _from(self, rest: str) -> None:
        assert rest == "scratch"

    def _add(self, rest: str) -> None:
        assert rest == "rootfs.tar /"

    def _maintainer(self, rest: str) -> None:
        self._once("author", rest)

    def _env(self, rest: str) -> None:
        for name, value in _pairs(rest):
            self.values.setdefault("env", []).append(f"{name}={value}")

    def _label(self, rest: str) -> None:
        for name, value in _pairs(rest):
            self.values.setdefault("labels", []).append((name, value))

    def _expose(self, rest: str) -> None:
        for port in rest.split():
            number = re.fullmatch(r"(\d+)/(tcp|udp|sctp)", _word(port))
            if number is None or not 0 < int(number[1]) < 65536:
                raise Refused(f"not a port: {port}")
            self.values.setdefault("exposed_ports", []).append(f"{int(number[1])}/{number[2]}")

    def _volume(self, rest: str) -> None:
        self._once("volumes", [_word(volume).strip() for volume in _strings(rest)])

    def _stopsignal(self, rest: str) -> None:
        self._once("stop_signal", _word(rest))

    def _shell(self, rest: str) -> None:
        self._once("shell", _strings(rest))
        if not self.values["shell"]:
            raise Refused("SHELL without an argument")

    def _user(self, rest: str) -> None:
        self._once("user", _word(rest))

    def _workdir(self, rest: str) -> None:
        self._once("working_dir", _word(rest))

    def _entrypoint(self, rest: str) -> None:
        self._once("entrypoint", _strings(rest))
        self.values.pop("cmd", None)

    def _cmd(self, rest: str) -> None:
        self._once("cmd", _strings(rest))

    def _onbuild(self, rest: str) -> None:
        keyword, _, words = rest.partition(" ")
        if keyword.upper() in ("ONBUILD", "FROM", "MAINTAINER"):
            raise Refused(f"ONBUILD {keyword}")
        if keyword.upper() in ("ENV", "LABEL"):
            list(_pairs(words, expand=False))
        if words.lstrip().startswith("[") and not _is_command(words.lstrip()):
            raise Refused("an array of other things than texts")
        self.values.setdefault("on_build", []).append(rest)

    def _healthcheck(self, rest: str) -> None:
        options: dict[str, str] = {}
        while match := re.match(r"--([a-z-]+)=(\S*)\s+", rest):
            options[match[1]] = match[2]
            rest = rest[match.end() :]
        kind, _, command = rest.partition(" ")
        if kind == "NONE":
            assert not options
            return self._once("healthcheck", {"test": ["NONE"]})
        if kind != "CMD" or not command.strip():
            raise Refused(f"HEALTHCHECK {kind}")
        words = ["CMD", *_strings(command)] if command.startswith("[") else ["CMD-SHELL", command]
        times = {name.replace("-", "_"): _nanoseconds(value) for name, value in options.items() if name != "retries"}
        retries = {"retries": int(options["retries"])} if "retries" in options else {}
        return self._once("healthcheck", {"test": words} | times | retries)


def _strings(text: str) -> list[str]:
    """A JSON array of texts, as Go reads it: half a surrogate pair becomes U+FFFD."""
    words = json.loads(text)
    assert isinstance(words, list)
    assert all(isinstance(word, str) for word in words)
    return [re.sub("[\ud800-\udfff]", "\ufffd", word) for word in words]


def _is_command(text: str) -> bool:
    """Whether a text that begins as an array does is one of texts, or none at all and so a shell's command."""
    try:
        words, _ = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return True
    return all(isinstance(word, str) for word in words)


def _nanoseconds(text: str) -> int:
    match = re.fullmatch(r"(\d+)(h|m|s|ms|us|ns)", text)
    assert match is not None, text
    time = int(match[1]) * {"h": 3600 * 10**9, "m": 60 * 10**9, "s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}[match[2]]
    if time < 10**6:
        raise Refused(f"too short: {text}")
    return time


def _pairs(text: str, *, expand: bool = True) -> Iterator[tuple[str, str]]:
    words = list(_words(text))
    if any("=" not in word for word in words):
        raise Refused(f"no = in {text!r}")
    for word in words:
        name, _, value = word.partition("=")
        yield (_word(name), _word(value)) if expand else (name, value)
        if expand and not _word(name):
            raise Refused("a blank name")


def _words(text: str) -> Iterator[str]:
    """Words with their quotes and escapes in them, parted by blanks outside of quotes."""
    word, quote, position = "", "", 0
    while position < len(text):
        letter = text[position]
        if letter == "\\" and quote != "'":
            word += text[position : position + 2]
            position += 2
            continue
        if not quote and letter.isspace():
            if word:
                yield word
            word = ""
        else:
            word += letter
            if quote in ("", letter) and letter in "\"'":
                quote = "" if quote else letter
        position += 1
    if quote:
        raise Refused("an open quote")
    if word:
        yield word


def _word(text: str) -> str:
    """A word without its quotes and escapes. Raises Refused where a variable would be expanded."""
    out, quote, position = "", "", 0
    while position < len(text):
        letter, following = text[position], text[position + 1 : position + 2]
        if letter == "\\" and quote != "'":
            if following and (not quote or following in '"$\\'):
                letter, position = following, position + 1
            elif not following:
                letter = ""
            out += letter
        elif letter in "\"'" and quote in ("", letter):
            quote = "" if quote else letter
        elif letter == "$" and quote != "'":
            raise Refused(f"a variable in {text!r}")
        else:
            out += letter
        position += 1
    if quote:
        raise Refused("an open quote")
    return out
