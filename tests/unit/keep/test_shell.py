"""What shell scripts keep: commands, sourced files, named files; and what they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.keep import registry
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.keep.languages.shell.follower import shell
from slimmer.keep.languages.shell.source import SCRIPT_LIMIT, read_script
from tests.unit.local_image import LocalImage, followed, opened
from tests.work import work_of_at_most

SCRIPT = "/usr/local/bin/start"


def config(**fields: object) -> ImageConfig:
    fields.setdefault("env", ("PATH=/usr/local/bin:/usr/bin", "APP_HOME=/srv/app"))
    fields.setdefault("working_dir", "/srv/app")
    return ImageConfig("sha256:1", "amd64", "linux", **fields)  # type: ignore[arg-type]


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    for name in ("one", "two", "three", "gosu", "env", "nice", "find", "xargs", "set", "echo", "apt-get", "su", "sh"):
        image.add(f"/usr/bin/{name}", "\x7fELF program", mode=0o755)
    return image


def kept(image: LocalImage, script: str, *, by: str = "/usr/bin/dash", **fields: object) -> set[str]:
    """Files kept on account of a script that a shell opened."""
    image.add(SCRIPT, script, mode=0o755)
    context = image.context(opened(SCRIPT, by=by), config=config(**fields))
    return files(image, followed(context, shell, SCRIPT)) - {SCRIPT}


def files(image: LocalImage, growing: KeepSetBuilder) -> set[str]:
    return {entry.path for entry in image.tree() if entry.path in growing and not entry.is_directory}


def commands(image: LocalImage, line: str) -> set[str]:
    return {path.removeprefix("/usr/bin/") for path in kept(image, "#!/bin/sh\n" + line)}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("one --x", "one"),
        ("one | two && three", "one two three"),
        ("x=$(one) && echo `two`", "one two"),
        ('if [ "$1" = x ]; then one; elif two; then :; fi', "one two"),
        ("later() { one; }", "one"),
        ('case $1 in start) one;; *) exec two "$@";; esac', "one two"),
        ("while one; do two; done <<END\n$(three)\nEND\n", "one two three"),
        ("exec gosu three nice -n 5 one", "gosu nice one"),
        ("env -u two A=b one three", "env one"),
        ("find . -exec one two {} + | xargs -n 2 three", "find one xargs three"),
        ("COMMAND=one; $COMMAND two", "one"),
        ('COMMAND="nice one --fast"\nexec $COMMAND', "nice one"),
        ('COMMAND=(one --fast); "${COMMAND[@]}"', ""),
        ("if x; then TOOL=one; else TOOL=two; fi; $TOOL", "one two"),
        ("${TOOL:-one} x", "one"),
        ('set -- one "$@"', "one"),
        ("command -v one || which two", "one two"),
        ("trap 'one x' EXIT; eval \"two y\"", "one two"),
        ("su - app -c 'one; two'", "su one two"),
        ("sh -c 'one | sh -ec two'", "sh one two"),
        ("one() { :; }; one", ""),
        ("echo one; set; # two\n: three 'one'", ""),
        ("apt-get update", ""),
        ("'one", ""),
        ('absent; $UNKNOWN; "$@"', ""),
        ("/usr/bin/one; /usr/bin/absent", "one"),
    ],
)
def test_the_commands_of_a_script_are_found(image: LocalImage, line: str, names: str) -> None:
    assert commands(image, line) == set(names.split())


def test_a_command_that_is_a_script_is_followed_even_when_it_was_looked_at_before(image: LocalImage) -> None:
    image.add("/usr/bin/helper", "#!/usr/bin/env bash\none", mode=0o755)
    image.add(SCRIPT, "#!/bin/sh\nif false; then helper; fi", mode=0o755)
    context = image.context(opened(SCRIPT, by="/usr/bin/dash"), config=config())
    growing = followed(context, shell, SCRIPT, "/usr/bin/helper")
    assert "/usr/bin/one" in growing
    assert growing.reasons("/usr/bin/one") == (Reason("shell", "called by /usr/bin/helper", "/usr/bin/helper"),)


def test_an_applet_is_found_by_its_link(image: LocalImage) -> None:
    image.add("/usr/bin/busybox", "\x7fELF", mode=0o755)
    image.link("/usr/bin/wc", "busybox")
    assert kept(image, "#!/bin/sh\nwc -l", by="/usr/bin/busybox") == {"/usr/bin/wc", "/usr/bin/busybox"}


def test_what_busybox_opens_is_a_script_only_where_it_says_so(image: LocalImage) -> None:
    image.add("/srv/page", "one\n")
    context = image.context(opened("/srv/page", by="/usr/bin/busybox"), config=config())
    assert files(image, followed(context, shell, "/srv/page")) == {"/srv/page"}
    assert image.reads == []


def test_programs_on_the_path_that_the_script_sets(image: LocalImage) -> None:
    image.add("/opt/tools/special", "\x7fELF", mode=0o755)
    image.add("/usr/bin/plain", "no program")
    assert kept(image, "PATH=/opt/tools:$PATH\nspecial; plain") == {"/opt/tools/special"}


@pytest.mark.parametrize(
    "line",
    [
        ". /srv/app/lib/common.sh",
        "source lib/common.sh",
        '. "$(dirname "$0")/../lib/common.sh" || . "${APP_HOME}/lib/common.sh"',
        'HERE=/srv/app; . "$HERE/lib/common.sh"',
        "for f in /srv/app/lib/*.sh; do . $f; done",
        "sh -e lib/common.sh",
    ],
)
def test_sourced_files_are_followed(image: LocalImage, line: str) -> None:
    image.add("/srv/app/lib/common.sh", "one\n")
    assert kept(image, f"#!/bin/sh\n{line}") >= {"/srv/app/lib/common.sh", "/usr/bin/one"}


@pytest.mark.parametrize("line", ['. "$HERE/lib.sh"', '. "${0%/*}/../bin/lib.sh"', '. "`dirname $0`"/lib.sh'])
def test_files_are_found_beside_the_script_that_does_not_know_where_it_is(image: LocalImage, line: str) -> None:
    image.add("/usr/local/bin/lib.sh", "one\n")
    assert kept(image, f"#!/bin/sh\n{line}") == {"/usr/local/bin/lib.sh", "/usr/bin/one"}


def test_named_files_and_folders_of_the_app_stay(image: LocalImage) -> None:
    for path in ("/srv/app/defaults/a.ini", "/srv/app/other/b", "/etc/app.conf", "/srv/app/main.py", "/usr/share/x/y"):
        image.add(path, "x")
    script = (
        "cp -r defaults /tmp; test -f /etc/app.conf; python3 main.py; mkdir other; cp -r ./defaults/ /usr/share/x /tmp"
    )
    assert kept(image, script) == {"/srv/app/defaults/a.ini", "/etc/app.conf", "/srv/app/main.py"}


def test_a_folder_that_is_only_entered_keeps_nothing_of_what_lies_in_it(image: LocalImage) -> None:
    image.add("/opt/data/large/file", "x")
    image.add(SCRIPT, "cd /opt/data/large && chown -R app /opt/data", mode=0o755)
    context = image.context(opened(SCRIPT, by="/usr/bin/dash"), config=config())
    growing = followed(context, shell, SCRIPT)
    assert "/opt/data/large" in growing
    assert "/opt/data/large/file" not in growing


@pytest.mark.parametrize(
    "fields",
    [
        {"cmd": ("/bin/sh", "-c", "exec one --port $PORT")},
        {"entrypoint": ("gosu", "nobody"), "cmd": ("one",)},
        {"healthcheck": Healthcheck(("CMD-SHELL", "one -f http://localhost/ || exit 1"))},
        {"healthcheck": Healthcheck(("CMD", "one", "--check"))},
    ],
)
def test_commands_of_the_configuration(image: LocalImage, fields: dict[str, object]) -> None:
    growing = followed(image.context(config=config(**fields)), shell, "/usr")
    assert "/usr/bin/one" in growing
    assert "/usr/bin/two" not in growing


def test_a_disabled_health_check_keeps_nothing(image: LocalImage) -> None:
    context = image.context(config=config(healthcheck=Healthcheck(("NONE", "one"))))
    assert files(image, followed(context, shell, "/usr")) == set()


@pytest.mark.parametrize(
    ("path", "line"),
    [("/etc/cron.d/job", "*/5 * * * * two one -x % two"), ("/etc/crontabs/root", "@daily one >/dev/null")],
)
def test_commands_of_crontabs(image: LocalImage, path: str, line: str) -> None:
    image.add(path, f"# three\nMAILTO=two\n{line}\n")
    context = image.context(opened(path, by="/usr/sbin/cron"), config=config())
    assert files(image, followed(context, shell, path)) == {path, "/usr/bin/one"}


@pytest.mark.parametrize("rule", ["not-hollow", "listed", "licence", "observed", "named-path"])
def test_a_script_that_nobody_runs_says_nothing(image: LocalImage, rule: str) -> None:
    assert "/usr/bin/one" not in _kept_as(image, rule)
    assert image.reads == []


def test_a_script_that_other_code_starts_is_followed(image: LocalImage) -> None:
    assert "/usr/bin/one" in _kept_as(image, "program")


def _kept_as(image: LocalImage, rule: str) -> KeepSetBuilder:
    image.add("/usr/bin/control", "#!/bin/sh\none", mode=0o755)
    context = image.context(config=config())
    growing = KeepSetBuilder(context.tree, evidence=registry.evidence())
    growing.add([Finding("/usr/bin/control", Reason(rule))])
    follow = shell(context)
    while fresh := growing.fresh():
        growing.add(follow(fresh, growing))
    return growing


@pytest.mark.parametrize(("line", "chosen"), [("TZ=$1 one", True), ('export TZ="$zone"', True), ("TZ=UTC one", False)])
def test_a_script_that_chooses_a_time_zone_has_them_all(image: LocalImage, line: str, chosen: bool) -> None:
    image.add("/usr/share/zoneinfo/Asia/Tokyo")
    assert ("/usr/share/zoneinfo/Asia/Tokyo" in kept(image, f"#!/bin/sh\n{line}\n")) is chosen


def test_a_page_that_is_like_a_script_is_one(image: LocalImage) -> None:
    image.add("/srv/pages/first.cgi", "echo hello")
    image.add("/srv/pages/second.cgi", "one | two")
    like = Finding("/srv/pages/second.cgi", Reason("like-files", "a .cgi file like …", "/srv/pages/first.cgi"))
    for by, expected in (("/usr/bin/dash", {"one", "two"}), ("/usr/sbin/httpd", set())):
        context = image.context(opened("/srv/pages/first.cgi", by=by), config=config())
        growing = KeepSetBuilder(context.tree, evidence=registry.evidence())
        growing.add([like])
        follow = shell(context)
        while fresh := growing.fresh():
            growing.add(follow(fresh, growing))
        assert {path.removeprefix("/usr/bin/") for path in files(image, growing)} - {like.path} == expected


@pytest.mark.parametrize("first", ["#!/usr/bin/python3", "#!/usr/bin/perl", "#!/usr/bin/fish"])
def test_scripts_of_other_languages_are_left_to_their_rules(image: LocalImage, first: str) -> None:
    assert kept(image, f"{first}\none\n") == set()


def test_scripts_that_call_each_other_end(image: LocalImage) -> None:
    image.add("/usr/bin/ping", "#!/bin/sh\npong", mode=0o755)
    image.add("/usr/bin/pong", "#!/bin/sh\nping; one", mode=0o755)
    assert kept(image, "#!/bin/sh\nping") == {"/usr/bin/ping", "/usr/bin/pong", "/usr/bin/one"}


@pytest.mark.parametrize(
    "text",
    [
        b"(" * SCRIPT_LIMIT,
        b"$(" * (SCRIPT_LIMIT // 2),
        b'"$x' * (SCRIPT_LIMIT // 3),
        b"${a:-" * (SCRIPT_LIMIT // 5),
        b"a=$a$a$a\n" * (SCRIPT_LIMIT // 9),
        b"a=x; a=y; a=z;" + b"$a" * 60_000,
        b"find " + b"-exec find " * (SCRIPT_LIMIT // 11),
        b"<<a " * (SCRIPT_LIMIT // 4),
        b"exec " * (SCRIPT_LIMIT // 5),
        b"sh -c 'sh -c \"eval a\"';" * (SCRIPT_LIMIT // 24),
        bytes(range(1, 256)) * (SCRIPT_LIMIT // 255),
        b"\xff\xfe\n" * 100,
        b"one " + b"a/b " * (SCRIPT_LIMIT // 4),
    ],
)
def test_hostile_scripts_take_bounded_time(text: bytes) -> None:
    with work_of_at_most(2000):
        read_script(text, {})
