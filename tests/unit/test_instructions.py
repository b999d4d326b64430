"""A Dockerfile says a configuration exactly, to every builder alike, or no builder takes it: nothing in between."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from typing import Any

import pytest
from hypothesis import example, given, settings

from slimmer.errors import UsageError
from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.rebuild.dockerfile import beyond_dockerfile, foreign_instruction, render
from slimmer.rebuild.image import choose_builder
from slimmer.rebuild.instructions import instructions
from tests.unit.dockerfile_reader import BUILDERS, Builder, Refused
from tests.unit.odd_configs import AWKWARD, PLAIN, SURROGATE, UNSAYABLE, configs

FIELDS = (
    "author", "env", "labels", "user", "working_dir", "volumes", "exposed_ports", "stop_signal", "shell", "entrypoint", "cmd",
    "healthcheck", "on_build",
)  # fmt: skip
EXAMPLES = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def having(**values: Any) -> ImageConfig:
    return dataclasses.replace(PLAIN, **values)


def text_for(config: ImageConfig) -> str:
    return render(config, beyond_dockerfile(config, (), "amd64"))


def plain(config: ImageConfig) -> dict[str, Any]:
    """The configuration as the reader gives it: what is not set is not there."""
    values = {name: getattr(config, name) for name in FIELDS}
    if config.healthcheck:
        values["healthcheck"] = {name: part for name, part in dataclasses.asdict(config.healthcheck).items() if part}
    given = {
        name: value
        for name, value in values.items()
        if value or (value is not None and name in ("entrypoint", "cmd", "shell"))
    }
    return {name: listed(value) for name, value in given.items()}


def listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: listed(part) for name, part in value.items()}
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("builder", BUILDERS, ids=lambda builder: builder.name)
@EXAMPLES
@given(config=configs((*AWKWARD, *AWKWARD, *UNSAYABLE, SURROGATE)))
@example(config=having(author="me \\", user="7"))
@example(config=having(healthcheck=Healthcheck(("CMD-SHELL", "true \\")), user="7"))
@example(config=having(on_build=("RUN <<EOF", "USER 0"), user="7"))
@example(config=having(healthcheck=Healthcheck(("NONE",), interval=1_000_000_000)))
@example(config=having(volumes=("/v ",)))
@example(config=having(exposed_ports=("99999/tcp",)))
@example(config=having(exposed_ports=("080/tcp",)))
def test_every_builder_reads_the_configuration_or_refuses(builder: Builder, config: ImageConfig) -> None:
    text = text_for(config)
    exact = choose_builder("", config, [], "amd64").name == "dockerfile"
    try:
        read = builder.read(text).values
    except Refused:
        assert not exact
        return
    expected = plain(config)
    assert read == expected


@EXAMPLES
@given(config=configs((*AWKWARD, *UNSAYABLE, SURROGATE)))
def test_the_text_has_nothing_that_does_not_print(config: ImageConfig) -> None:
    """Neither a terminal nor a reader is led astray by it, and any tool can decode it."""
    for letter in text_for(config).encode("utf-8").decode():
        assert letter in "\n\t " or unicodedata.category(letter) not in {"Cc", "Cf", "Cs", "Zl", "Zp", "Zs"}


@EXAMPLES
@given(config=configs((*AWKWARD, *UNSAYABLE)))
def test_what_cannot_be_said_is_loaded_and_said_and_cannot_be_forced(config: ImageConfig) -> None:
    builder = choose_builder("", config, [], "amd64")
    for instruction in instructions(config):
        assert not instruction.unsaid or (builder.name, instruction.lacking in builder.reason) == ("load", True)
    if builder.name == "load":
        with pytest.raises(UsageError, match="would change") as caught:
            choose_builder("dockerfile", config, [], "amd64")
        assert "--builder load" in caught.value.hint


@pytest.mark.parametrize(
    ("config", "keyword", "why"),
    [
        (having(env=("A=\x1b[31m",)), "ENV", "an unprintable character"),
        (having(labels=(("a", "\x1b]0;x\x07"),)), "LABEL", "an unprintable character"),
        (having(labels=(("a\u202e", ""),)), "LABEL", "an unprintable character"),
        (having(author="me\x1b"), "MAINTAINER", "an unprintable character"),
        (having(author="me \\"), "MAINTAINER", "the form"),
        (having(author="--flag"), "MAINTAINER", "the form"),
        (having(user="0\\"), "USER", "the form"),
        (having(user="0\u2028RUN id"), "USER", "an unprintable character"),
        (having(working_dir="/w\nRUN id"), "WORKDIR", "a line break"),
        (having(working_dir="/w\\"), "WORKDIR", "the form"),
        (having(volumes=("/v ",)), "VOLUME", "the form"),
        (having(volumes=("",)), "VOLUME", "the form"),
        (having(volumes=("/v\nRUN id",)), "VOLUME", "a line break"),
        (having(exposed_ports=("65536/tcp",)), "EXPOSE", "the form"),
        (having(exposed_ports=("0080/tcp",)), "EXPOSE", "the form"),
        (having(stop_signal="SIGNONE"), "STOPSIGNAL", "the form"),
        (having(stop_signal="0"), "STOPSIGNAL", "the form"),
        (having(shell=()), "SHELL", "the form"),
        (having(cmd=("\ud800",)), "CMD", "the form"),
        (having(entrypoint=("x" * 70_000,)), "ENTRYPOINT", "the form"),
        (having(healthcheck=Healthcheck(("CMD-SHELL", "true \\"))), "HEALTHCHECK", "the form"),
        (having(healthcheck=Healthcheck(("CMD-SHELL", "a\x1bb"))), "HEALTHCHECK", "an unprintable character"),
        (having(healthcheck=Healthcheck(("NONE",), interval=5_000_000)), "HEALTHCHECK", "the form"),
        (having(healthcheck=Healthcheck(("CMD", "/x"), retries=1 << 31)), "HEALTHCHECK", "the form"),
        (having(healthcheck=Healthcheck(("CMD", "/x"), timeout=-1)), "HEALTHCHECK", "the form"),
        (having(on_build=("RUN x \\",)), "ONBUILD", "the form"),
        (having(on_build=("RUN <<EOF",)), "ONBUILD", "the form"),
        (having(on_build=("COPY <<a <<b /",)), "ONBUILD", "the form"),
        (having(on_build=("ENV A",)), "ONBUILD", "the form"),
        (having(on_build=("CMD [1]",)), "ONBUILD", "the form"),
        (having(on_build=("RUN [1] x",)), "ONBUILD", "the form"),
        (having(on_build=("CMD " + "[" * 50_000,)), "ONBUILD", "the form"),
        (having(on_build=("RUN a\x0bb",)), "ONBUILD", "an unprintable character"),
    ],
)  # fmt: skip
def test_why_an_instruction_is_left_out(config: ImageConfig, keyword: str, why: str) -> None:
    assert [(one.keyword, one.unsaid) for one in instructions(config)] == [(keyword, why)]
    assert len(render(config, beyond_dockerfile(config, (), "amd64"))) < 1000


@pytest.mark.parametrize(
    "config",
    [
        having(env=("A=tab\there", "B= both ends ", "C=#", "D=", "E=\\")),
        having(labels=(("#", "<<EOF"), ("emoji", "é漢🐳"), ("trailing\\", "\\\\"))),
        having(cmd=("\x1b[31m", "\n", "\r", "\u2028", "\x00", "")),
        having(on_build=('CMD ["a", "b"]', "RUN [ -f x ] && y", "ENV A=1 B='2 3'", "COPY --from=x . /")),
        having(volumes=("/a b", "/$HOME", "/#")),
        having(healthcheck=Healthcheck(("CMD-SHELL", "x <<EOF # y"), 5_400_000_000_000)),
    ],
)
def test_what_can_be_said_is_said(config: ImageConfig) -> None:
    assert choose_builder("", config, [], "amd64").name == "dockerfile"
    for builder in BUILDERS:
        assert builder.read(text_for(config)).values == plain(config)


def test_a_dockerfile_that_lacks_something_stops_every_build_and_says_why() -> None:
    config = having(user="0\\", env=("A=1", "B=\x1b", "C=3"), architecture="x" * 70_000 + "\n# escape=`")
    text = text_for(config)
    assert "does not give the slim image again" in text
    assert re.search(r"^# A build would change the form of USER\.$", text, re.MULTILINE)
    assert [line for line in text.splitlines() if line.startswith(("ENV", "UNSAID", "USER"))] == [
        'ENV A="1"',
        "UNSAID ENV",
        'ENV C="3"',
        "UNSAID USER",
    ]
    assert max(map(len, text.splitlines())) < 300
    for builder in BUILDERS:
        with pytest.raises(Refused, match="UNSAID"):
            builder.read(text)


def test_an_excuse_that_no_instruction_needs_stops_no_build() -> None:
    text = text_for(having(stop_timeout=3, user="7"))
    assert "# A build would change StopTimeout." in text
    assert "UNSAID" not in text


OWN = "# Made by slimmer.\nFROM scratch\nADD rootfs.tar /\n"


@pytest.mark.parametrize(
    "text",
    [
        OWN + "RUN id\n",
        OWN + "run id\n",
        OWN + "RUN\tid\n",
        OWN + 'ENV A="b" \\\n    C="d"\nCOPY . /\n',
        OWN + "ADD other.tar /\n",
        OWN.replace("scratch", "debian"),
        OWN.replace("scratch", "scratch AS x") + "FROM x\n",
        "# syntax=example.org/frontend\n" + OWN,
        "# escape=`\n" + OWN,
        OWN + "ENV A=b\\\\\nRUN id\n",
        OWN + 'CMD ["a"] \\\n# a comment\nRUN id\n\nRUN id\n',
    ],
)
def test_a_line_that_slimmer_does_not_write_is_refused(text: str) -> None:
    assert foreign_instruction(text)


@EXAMPLES
@given(configs(AWKWARD))
def test_what_slimmer_writes_is_its_own(config: ImageConfig) -> None:
    assert not foreign_instruction(text_for(config))
