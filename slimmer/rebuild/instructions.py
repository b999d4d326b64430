r"""Turn an image's configuration into Dockerfile instructions, and find values that no Dockerfile can express exactly.

The text must mean the same to every builder: Docker's classic one, BuildKit and buildah. So each value is quoted in a way that all
of them read alike. A value that one of them reads differently counts as inexpressible. Values come from an untrusted image: a wrongly
quoted one could swallow the next instruction, or be one.

Quoting: a backslash escapes `"`, `\` and `$` in the words of ENV and LABEL; variables are expanded in VOLUME, USER,
WORKDIR, EXPOSE and STOPSIGNAL too, JSON array or not. Sources: Dockerfile reference, "Environment replacement"; BuildKit,
frontend/dockerfile/parser and shell/lex.go; openshift/imagebuilder (buildah's), dispatchers.go and shell_parser.go.
"""

from __future__ import annotations

import json
import posixpath
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from slimmer.image.config import Healthcheck, ImageConfig

LINE_LIMIT = 65_000
"""In bytes. Parsers refuse lines of more than 65,535 (bufio.MaxScanTokenSize)."""

SHORTEST = 1_000_000
"""In nanoseconds. Builders refuse shorter times in HEALTHCHECK."""

LINE_BREAK = "a line break"
UNPRINTED = "an unprintable character"
FORM = "the form"
"""Why a value cannot be expressed. In a sentence, " of KEYWORD" or " in KEYWORD" follows (Instruction.lacking)."""

_UNPRINTED = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"})
"""Unicode's control, formatting (bidirectional marks), surrogate, separator and odd space characters. Some parsers break
lines at them (NEL, U+2028), trim them or replace them, and a person would see a different text than a parser."""

_VARIABLE = re.compile(r"(?!--)[\w.-]+", re.ASCII)
_PORT = re.compile(r"([1-9][0-9]{0,4})/(?:tcp|udp|sctp)")
_SIGNAL = re.compile(
    r"(?:SIG)?(?:ABRT|ALRM|BUS|CHLD|CONT|FPE|HUP|ILL|INT|IO|KILL|PIPE|PROF|PWR|QUIT|SEGV|STOP|SYS|TERM|TRAP|TSTP|TTIN|TTOU|URG|USR1"
    r"|USR2|VTALRM|WINCH|XCPU|XFSZ|RTMIN(?:\+(?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?)|[1-9]|[1-5][0-9]|6[0-4]"
)
"""Signals that every builder knows (moby, pkg/signal/signal_linux.go)."""

_MOST_RETRIES = (1 << 31) - 1
_TRIGGERS = frozenset(
    {
        "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL", "RUN", "SHELL", "STOPSIGNAL",
        "USER", "VOLUME", "WORKDIR",
    }
)  # fmt: skip
_PAIR = r"""[^\s"'\\=]+=(?:"[^"\\]*"|'[^']*'|[^\s"'\\])*"""
_PAIRS = re.compile(rf"{_PAIR}(?:[ \t]+{_PAIR})*")
_HEREDOC = "<<"
"""After an ONBUILD RUN with this, BuildKit takes the next lines for the command's input. The classic builder does not."""

_UNITS = (
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
)


@dataclass(frozen=True, slots=True)
class Instruction:
    """A Dockerfile instruction with one value. `unsaid` says why no Dockerfile can express that value; "" if one can."""

    keyword: str
    value: str
    unsaid: str = ""

    @property
    def lacking(self) -> str:
        """What a Dockerfile lacks without the instruction, in words."""
        return f"{self.unsaid} {'of' if self.unsaid == FORM else 'in'} {self.keyword}"


def instructions(config: ImageConfig) -> Iterator[Instruction]:
    """Yield the configuration as instructions: SHELL after what it could change, CMD after ENTRYPOINT, which clears it."""
    if config.author:
        yield _plain("MAINTAINER", config.author, config.author)
    yield from _variables(config.env)
    for name, value in config.labels:
        usual = bool(name) and "=" not in name
        yield _plain("LABEL", name + value, f"{_quoted(name)}={_quoted(value)}", usual=usual)
    for port in config.exposed_ports:
        yield _plain("EXPOSE", port, _unexpanded(port), usual=_is_port(port))
    if config.volumes:
        usual = all(volume.startswith("/") and volume == volume.strip() for volume in config.volumes)
        value = _array(_unexpanded(volume) for volume in config.volumes)
        yield _plain("VOLUME", "".join(config.volumes), value, usual=usual)
    yield from _process(config)
    yield from (_plain("ONBUILD", text, text, usual=_is_trigger(text)) for text in config.on_build)


def _process(config: ImageConfig) -> Iterator[Instruction]:
    if signal := config.stop_signal:
        yield _plain("STOPSIGNAL", signal, _unexpanded(signal), usual=bool(_SIGNAL.fullmatch(signal)))
    if config.shell is not None:
        yield _words("SHELL", config.shell, usual=bool(config.shell))
    if config.healthcheck:
        yield _health(config.healthcheck)
    if config.user:
        yield _plain("USER", config.user, _unexpanded(config.user))
    if folder := config.working_dir:
        yield _plain("WORKDIR", folder, _unexpanded(folder), usual=_is_clean(folder))
    if config.entrypoint is not None:
        yield _words("ENTRYPOINT", config.entrypoint)
    if config.cmd is not None:
        yield _words("CMD", config.cmd)


def _variables(env: Iterable[str]) -> Iterator[Instruction]:
    entries = [entry.partition("=") for entry in env]
    times = Counter(name for name, _, _ in entries)
    for name, equals, value in entries:
        usual = bool(equals) and times[name] == 1 and bool(_VARIABLE.fullmatch(name))
        yield _plain("ENV", name + value, f"{name}={_quoted(value)}", usual=usual)


# ------------------------------------------------------------------ what can be expressed


def _plain(keyword: str, text: str, value: str, *, usual: bool = True) -> Instruction:
    """Make an instruction whose `value` holds the image's `text` literally. `usual`: the text has a form that every builder reads literally."""
    return Instruction(keyword, value, _unfit(text) or _unlike_a_line(keyword, value) or ("" if usual else FORM))


def _words(keyword: str, words: Iterable[str], *, usual: bool = True) -> Instruction:
    """Make an instruction with a JSON array. It can express every character except half of a surrogate pair."""
    value = _array(words)
    return Instruction(keyword, value, _unlike_a_line(keyword, value) or ("" if usual and _is_unicode(words) else FORM))


def _unfit(text: str) -> str:
    """Return why a character of a text cannot be written; "" if all can."""
    if "\n" in text or "\r" in text:
        return LINE_BREAK
    if not text.isprintable() and any(c not in " \t" and unicodedata.category(c) in _UNPRINTED for c in text):
        return UNPRINTED
    return ""


def _unlike_a_line(keyword: str, value: str) -> str:
    """Return why a line would not yield its value: blanks are trimmed, a backslash continues it, a flag is removed, it is too long."""
    flag = value.startswith("--") and keyword != "HEALTHCHECK"
    length = len(keyword) + 1 + len(value.encode(errors="replace"))
    return FORM if flag or not value or value != value.strip() or value.endswith("\\") or length > LINE_LIMIT else ""


def _is_unicode(words: Iterable[str]) -> bool:
    return not any("\ud800" <= c <= "\udfff" for word in words for c in word)


def _is_port(text: str) -> bool:
    port = _PORT.fullmatch(text)
    return port is not None and int(port[1]) < 1 << 16


def _is_clean(path: str) -> bool:
    return path.startswith("/") and not path.startswith("//") and posixpath.normpath(path) == path


def _is_trigger(text: str) -> bool:
    """Return True if every parser, which also checks the inner instruction, reads this ONBUILD as one instruction."""
    keyword, _, rest = text.partition(" ")
    if keyword.upper() not in _TRIGGERS or not rest.strip() or _HEREDOC in rest:
        return False
    if keyword.upper() in ("ENV", "LABEL"):
        return _PAIRS.fullmatch(rest.strip()) is not None
    start = re.search(r"(?:^|\s)\[", rest)
    return start is None or not _is_other_array(rest[start.end() - 1 :])


def _is_other_array(text: str) -> bool:
    """Return True if this begins with a JSON array of anything but texts, which parsers refuse. If it is not JSON, it is a command."""
    try:
        words, _ = json.JSONDecoder().raw_decode(text)  # some parsers ignore what follows
    except ValueError:
        return False
    except RecursionError:
        return True
    return not (isinstance(words, list) and all(isinstance(word, str) for word in words))


# ------------------------------------------------------------------ HEALTHCHECK


def _health(check: Healthcheck) -> Instruction:
    value = _healthcheck(check)
    text = check.test[1] if check.test[0] == "CMD-SHELL" and len(check.test) > 1 else ""
    usual = _is_sayable(check) and _is_unicode(check.test)
    return _plain("HEALTHCHECK", text, value, usual=usual)


def _is_sayable(check: Healthcheck) -> bool:
    times = (check.interval, check.timeout, check.start_period)
    if check.start_interval or not 0 <= check.retries <= _MOST_RETRIES or any(0 != time < SHORTEST for time in times):
        return False
    kind, *words = check.test
    if kind == "CMD-SHELL":
        return len(words) == 1 and words[0] == words[0].strip() and not words[0].startswith("[")
    return bool(words) if kind == "CMD" else check == Healthcheck(("NONE",))


def _healthcheck(check: Healthcheck) -> str:
    if check.test[0] == "NONE":
        return "NONE"
    times = (("interval", check.interval), ("timeout", check.timeout), ("start-period", check.start_period))
    options = [f"--{name}={_duration(value)} " for name, value in times if value]
    options += [f"--retries={check.retries} "] if check.retries else []
    command = " ".join(check.test[1:]) if check.test[0] == "CMD-SHELL" else _array(check.test[1:])
    return "".join(options) + f"CMD {command}"


def _duration(nanoseconds: int) -> str:
    name, size = next((name, size) for name, size in _UNITS if nanoseconds % size == 0)
    return f"{nanoseconds // size}{name}"


# ------------------------------------------------------------------ quoting


def _array(words: Iterable[str]) -> str:
    return json.dumps(list(words))


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$") + '"'


def _unexpanded(text: str) -> str:
    """Escape a text so that the builder expands nothing in it. Builders expand words even after reading a JSON array."""
    return text.replace("\\", "\\\\").replace("$", "\\$").replace('"', '\\"').replace("'", "\\'")
