"""The generated Dockerfile, and the archive, give a real engine the configuration that the image had, whatever it holds."""

from __future__ import annotations

import dataclasses
import io
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest
from hypothesis import HealthCheck, given, settings

from slimmer.engine import builds, images
from slimmer.engine.connection import Engine, connect
from slimmer.errors import BuildFailed
from slimmer.image.config import INSTRUCTIONS, Healthcheck, ImageConfig
from slimmer.output_folder import OutputFolder
from slimmer.rebuild.archive import config_json, image_id
from slimmer.rebuild.dockerfile import beyond_dockerfile, render
from slimmer.rebuild.image import Builder, choose_builder, make_image
from slimmer.rebuild.instructions import instructions
from slimmer.rebuild.rootfs import RootFs, write_rootfs
from tests.engine.names import OWN, untag
from tests.unit.odd_configs import AWKWARD, UNSAYABLE, configs

TAG = f"{OWN}-dockerfile:candidate"
SECOND = 1_000_000_000
PATH = "PATH=/usr/bin"
NASTY = (
    "", "a b", " lead and trail ", "it's", 'say "hi"', "back\\slash", "ends in \\", "\\\\", "$HOME", "${HOME:-x}", "\\$HOME", "$$",
    "#no comment", "tab\there", "a=b=c", "–é漢🐳", "`id`", "--flag=1", "<<EOF", "{{x}}", "%s", "'", '"', "[\"a\"]",
)  # fmt: skip
"""Values that a parser of lines, words, quotes or variables could trip over."""


def make(**values: object) -> ImageConfig:
    base = ImageConfig(image_id="", architecture="amd64", os="linux", created="2024-02-03T04:05:06.789Z", env=(PATH,))
    return dataclasses.replace(base, **values)  # type: ignore[arg-type]


SAYABLE = {
    "nothing": make(),
    "env": make(env=(PATH, *(f"N{n}={value}" for n, value in enumerate(NASTY)), "lower.case-name=1")),
    "labels": make(labels=tuple(sorted((f"l{n}{value}".replace("=", "-"), value) for n, value in enumerate(NASTY)))),
    "commands": make(entrypoint=(*NASTY, *UNSAYABLE), cmd=(*NASTY, *UNSAYABLE), shell=("/bin/ash", "-c", "a b", "$HOME", "\\")),
    "no entrypoint": make(cmd=("one",)),
    "an empty command": make(cmd=(), entrypoint=("/x",)),
    "user": make(user="we$ird \\user:1"),
    "work folder": make(working_dir='/a "b" $HOME\\c/é\'d'),
    "volumes": make(volumes=tuple(sorted(("/a b", "/$HOME/x", '/q"uote', "/back\\slash", "/é", "/it's")))),
    "ports": make(exposed_ports=("53/udp", "8080/tcp", "99/sctp")),
    "signal": make(stop_signal="SIGRTMIN+3"),
    "a shell's health": make(healthcheck=Healthcheck(("CMD-SHELL", 'curl "$URL" || exit 1 # \\x'), 30 * SECOND, 1_500_000, 0, 0, 3)),
    "a command's health": make(healthcheck=Healthcheck(("CMD", *NASTY), 0, 90 * SECOND, 7_200 * SECOND, 0, 0)),
    "no health": make(healthcheck=Healthcheck(("NONE",))),
    "on build": make(on_build=('RUN echo "$HOME" \'x\' \\n', "COPY . /app/", "ENV A=b C=\"d e\"")),
    "author": make(author='Jo "the \\ $one" <jo@example.org>'),
    "everything": make(
        env=(PATH, "A=$PATH"), labels=(("a", "b"),), entrypoint=("/e",), cmd=("c",), exposed_ports=("80/tcp",),
        volumes=("/v",), stop_signal="SIGQUIT", shell=("/bin/sh", "-ec"), user="7:8", working_dir="/srv",
        healthcheck=Healthcheck(("CMD", "/ok"), SECOND, SECOND, SECOND, 0, 2), on_build=("RUN true",), author="Jo",
    ),
}  # fmt: skip
ONLY_LOADED = {
    "a line break in ENV": make(env=(PATH, "A=one\ntwo", "B=one\r")),
    "a label's line break": make(labels=(("a", "one\ntwo"),)),
    "stop timeout": make(stop_timeout=3),
    "an instruction in a value": make(labels=(("a", "\nUSER root"),), user="7"),
    "a command line of many lines": make(healthcheck=Healthcheck(("CMD-SHELL", "a\nb"))),
    "health in a form of its own": make(healthcheck=Healthcheck(("CMD-SHELL", '["x"]'))),
    "health more often than builders allow": make(healthcheck=Healthcheck(("CMD", "/x"), 1000)),
    "a value that is trimmed": make(user=" root"),
    "a folder written in another way": make(working_dir="srv//x/"),
    "a port without protocol": make(exposed_ports=("8080",)),
    "a line beyond the parser's limit": make(env=(PATH, "A=" + "x" * 70_000)),
    "a variable without a value": make(env=(PATH, "A")),
    "a variable's odd name": make(env=(PATH, "a b=1", "--c=2", "d'=3", "$e=4", '"f=5', "g\\=6", "#=7")),
    "an empty entrypoint": make(cmd=("/x",), entrypoint=()),
    "a label's odd name": make(labels=(("", "1"), ("a=b", "2"))),
    "a variable given twice": make(env=(PATH, "A=1", "A=2")),
    "a backslash at the end": make(user="a\\"),
    "a flag for a value": make(user="--root"),
    "a trigger that is none": make(on_build=("ONBUILD RUN x", "FROM y")),
    "a trigger that takes the next lines with it": make(on_build=("RUN <<EOF",), user="7"),
    "what does not print": make(
        env=(PATH, *(f"N{n}={value}" for n, value in enumerate(UNSAYABLE) if "\0" not in value))
    ),
    "a label that colours the terminal": make(labels=(("\x1b[31m", "\x1b]0;title\x07"),), user="7"),
    "an author that swallows": make(author="me \\", user="7"),
    "a health check that swallows": make(healthcheck=Healthcheck(("CMD-SHELL", "true \\")), user="7"),
    "a health check without a command": make(healthcheck=Healthcheck(("CMD-SHELL",))),
    "no health check at times": make(healthcheck=Healthcheck(("NONE",), SECOND)),
    "a volume with blanks": make(volumes=("/v ",)),
    "a port beyond all": make(exposed_ports=("99999/tcp",)),
    "a port with a zero before it": make(exposed_ports=("080/tcp",)),
    "a signal that is none": make(stop_signal="SIGNONE"),
}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    engine = connect()
    yield engine
    engine.close()


class OneFile:
    """Packs an archive with a root and a file."""

    def pack(self, paths: object, sink: object) -> None:
        with tarfile.open(fileobj=(archive := io.BytesIO()), mode="w") as tar:
            root = tarfile.TarInfo("./")
            root.type, root.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(root)
            tar.addfile(tarfile.TarInfo("file"))
        sink(archive.getvalue())  # type: ignore[operator]


def made(engine: Engine, config: ImageConfig, builder: Builder, path: Path) -> ImageConfig:
    """What the engine says of the image that was made; the image is removed again."""

    def build(files: list[Path], tag: str) -> str:
        return builds.build(engine, files, tag)

    def load(write: Callable[[IO[bytes]], None], tag: str) -> str:
        return builds.load(engine, write, tag)

    with OutputFolder(path / "out") as folder:
        rootfs: RootFs = write_rootfs(OneFile(), [("/", ""), ("/file", "")], folder)
        try:
            identifier = make_image(config, rootfs, builder, folder, TAG, config.created, build, load)
            if builder.name == "load":
                assert identifier == image_id(config_json(config, rootfs, config.created))
            return images.inspect(engine, TAG)
        finally:
            untag(engine, TAG)


def meaning(config: ImageConfig) -> ImageConfig:
    """What has to be the same: not names, times, layers."""
    return dataclasses.replace(config, image_id="", created="", engine_size=0, layers=(), tags=(), digests=())


@pytest.mark.usefixtures("leftovers")
@pytest.mark.parametrize("name", SAYABLE)
def test_a_built_image_has_the_configuration(engine: Engine, tmp_path: Path, name: str) -> None:
    config = SAYABLE[name]
    builder = choose_builder("", config, [], "amd64")
    assert builder.name == "dockerfile", builder.reason
    assert meaning(made(engine, config, builder, tmp_path)) == meaning(config)


@pytest.mark.usefixtures("leftovers")
@pytest.mark.parametrize("name", SAYABLE | ONLY_LOADED)
def test_a_loaded_image_has_the_configuration(engine: Engine, tmp_path: Path, name: str) -> None:
    config = (SAYABLE | ONLY_LOADED)[name]
    result = made(engine, config, choose_builder("load", config, [], "amd64"), tmp_path)
    assert meaning(result) == meaning(config)
    assert result.created == config.created


@pytest.mark.parametrize("name", ONLY_LOADED)
def test_what_a_dockerfile_cannot_say_is_loaded(name: str) -> None:
    builder = choose_builder("", ONLY_LOADED[name], [], "amd64")
    assert (builder.name, bool(builder.reason)) == ("load", True)


def sayable(config: ImageConfig) -> ImageConfig:
    """The same without what no Dockerfile can say, and with a PATH, which builders add."""
    unsaid = {instruction.keyword for instruction in instructions(config) if instruction.unsaid}
    default = make(env=())
    fields = {
        name: getattr(default, name)
        for name, keyword in (*INSTRUCTIONS.items(), ("author", "MAINTAINER"))
        if keyword in unsaid
    }
    config = dataclasses.replace(config, **fields)
    has_path = any(entry.startswith("PATH=") for entry in config.env)
    entrypoint = config.entrypoint or None  # an empty one is loaded
    return dataclasses.replace(config, env=config.env if has_path else (PATH, *config.env), entrypoint=entrypoint)


def reported(config: ImageConfig) -> ImageConfig:
    """The same as an engine of API 1.41 reports it: no empty SHELL, no start interval."""
    check = config.healthcheck and dataclasses.replace(config.healthcheck, start_interval=0)
    return dataclasses.replace(config, shell=config.shell or None, healthcheck=check)


SAMPLE = settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.mark.usefixtures("leftovers")
@SAMPLE
@given(config=configs(AWKWARD).map(sayable))
def test_any_image_that_is_built_has_the_configuration(engine: Engine, tmp_path: Path, config: ImageConfig) -> None:
    builder = choose_builder("", config, [], "amd64")
    assert builder.name == "dockerfile", builder.reason
    assert meaning(made(engine, config, builder, tmp_path)) == meaning(config)


@pytest.mark.usefixtures("leftovers")
@SAMPLE
@given(config=configs((*AWKWARD, *UNSAYABLE)).map(reported))
def test_any_image_that_is_loaded_has_the_configuration(engine: Engine, tmp_path: Path, config: ImageConfig) -> None:
    result = made(engine, config, choose_builder("load", config, [], "amd64"), tmp_path)
    assert meaning(result) == meaning(config)


@pytest.mark.usefixtures("leftovers")
@pytest.mark.parametrize(
    "name", ["a backslash at the end", "a health check that swallows", "an instruction in a value"]
)
def test_a_dockerfile_that_cannot_say_everything_is_refused_by_the_engine(
    engine: Engine, tmp_path: Path, name: str
) -> None:
    """What is left in the folder never gives an image that lacks, say, its user."""
    config = ONLY_LOADED[name]
    (tmp_path / "Dockerfile").write_text(render(config, beyond_dockerfile(config, (), "amd64")))
    (tmp_path / "rootfs.tar").touch()
    with pytest.raises(BuildFailed, match="unknown instruction: UNSAID"):
        builds.build(engine, [tmp_path / "Dockerfile", tmp_path / "rootfs.tar"], TAG)
