"""Facts of shell scripts, command lines and crontabs."""

from __future__ import annotations

import time

import pytest

from slimmer.keep.language import Origin, Source
from slimmer.keep.languages.shell.command_line import Kind, Use, uses
from slimmer.keep.languages.shell.crontab import is_crontab, is_system_crontab
from slimmer.keep.languages.shell.reader import SCRIPT_LIMIT, Dialect, Named, Script, command_text, read
from slimmer.keep.sources.named_paths import HOLE
from slimmer.sandbox.facts import dump_facts, load_facts

VARIABLES = {"APP_HOME": "/srv/app", "HOME": "/root", "LONG": "x" * 2000}


def script(text: str | bytes, dialect: str = "") -> Script:
    content = text.encode() if isinstance(text, str) else text
    return read(Source(".sh", content, Origin.APP, dialect, VARIABLES))


def used(text: str, kind: Kind = Kind.PROGRAM) -> list[str]:
    return [one.use.value for one in script(text).uses if one.use.kind is kind]


def named(text: str) -> dict[str, bool]:
    return {one.path.replace(HOLE, "*"): one.whole for one in script(text).named}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("one --x", "one"),
        ("one | two && three", "one two three"),
        ("x=$(one) && echo `two`", "one two"),
        ('if [ "$1" = x ]; then one; elif two; then :; fi', "one two"),
        ('case $1 in start) one;; *) exec two "$@";; esac', "one two"),
        ("while one; do two; done <<END\n$(three)\nEND\n", "one two three"),
        ("exec -a name nice -n 5 one", "nice one"),
        ("exec gosu app one", "gosu one"),
        ("taskset 1 chrt -T 5 10 one", "taskset chrt one"),
        ("env -u two A=b one three", "env one"),
        ("env -- A=b one", "env A=b"),
        ("env A=b", "env"),
        ("sudo -u app A=b one", "sudo one"),
        ("timeout -k 5 10 one", "timeout one"),
        ("tini -g -- one", "tini one"),
        ("busybox one", "busybox one"),
        ("nohup time one", "nohup time one"),
        ("find . -exec one {} + -okdir two {} ;", "find one two"),
        ("find . -exec sh -c 'one' ;", "find sh one"),
        ("find . -exec", "find"),
        ("start-stop-daemon --exec one", "start-stop-daemon one"),
        ("xargs -n 2 one", "xargs one"),
        ("command one; command -v two; command -V three", "one two three"),
        ("builtin one", "one"),
        ("type one; hash -r two; which -a three", "one two which three"),
        ("trap 'one x' EXIT; eval \"two y\"", "one two"),
        ("su - app -c 'one; two'; runuser --command three app", "su runuser one two three"),
        ("sh -c 'one | sh -ec two'", "sh one two"),
        ("bash -o pipefail +x -lc one", "bash one"),
        ("sh -c", "sh"),
        ("sh -c '$UNKNOWN'", "sh"),
        ("set -- one x; set -e", "one"),
        ("one() { two; }; one", "two"),
        ("/usr/bin/echo one", "/usr/bin/echo"),
        ("apt-get update; /usr/bin/apk add x", ""),
        ('$UNKNOWN x; "$@"; "" x; $(one) x', "one"),
        (">/dev/null; A=b >x; [ -f $UNKNOWN ]; . $UNKNOWN; eval $UNKNOWN", ""),
        ("'one", ""),
    ],
)
def test_programs_that_a_script_calls(line: str, names: str) -> None:
    assert used(f"#!/bin/sh\n{line}\n") == names.split()


@pytest.mark.parametrize(
    ("line", "kind", "values"),
    [
        (". ./lib.sh a", Kind.SOURCED, ["./lib.sh"]),
        ('source "$UNKNOWN/lib.sh"', Kind.SOURCED, [f"{HOLE}/lib.sh"]),
        ("sh -e lib.sh one", Kind.RUN, ["lib.sh"]),
        ("bash --rcfile rc -o errexit lib.sh", Kind.RUN, ["lib.sh"]),
        ("bash --login", Kind.RUN, []),
        ("run-parts --regex x /etc/start.d", Kind.FOLDER, ["/etc/start.d"]),
        ("for f in lib/*.sh; do . $f; done", Kind.SOURCED, [f"lib/{HOLE}.sh"]),
    ],
)
def test_files_that_a_script_reads_or_runs(line: str, kind: Kind, values: list[str]) -> None:
    assert used(line, kind) == values


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("TOOL=one; $TOOL two", "one"),
        ("later() { $TOOL; }; TOOL=one", "one"),
        ('TOOL="nice one --fast"\nexec $TOOL', "nice one"),
        ('TOOL="one two"\nexec "$TOOL"', "one two"),
        ('TOOL=(one --fast); "${TOOL[@]}"; $TOOL', "one"),
        ("TOOL=(); $TOOL", ""),
        ("if x; then TOOL=one; else TOOL=two; fi; $TOOL", "x one two"),
        ("for TOOL in one two; do $TOOL; done", "one two"),
        ("${TOOL:-one}; ${TOOL-two}; ${TOOL:-}", "one two"),
        ("${TOOL:=one}; $TOOL two", "one"),
        ("TOOL=one; ${TOOL:?missing}; ${TOOL%x}; ${#TOOL}", "one"),
        ("\"o\"n'e'; tw\\o; $'three'", "one two three"),
        ('"${APP_HOME}/bin/one"; "a\\$b\\nc$(x)"', "/srv/app/bin/one a$b\\nc* x"),
        ("~/one; ~x/two", "/root/one ~x/two"),
        ("$LONG; LONG=$LONG; one", "one"),
        ("A=" + "x" * 600 + "; $A$A; one", "one"),
        ("${A:-" * 5 + "one" + "}" * 5, "one"),
        ("${A:-" * 15 + "one" + "}" * 15, ""),
        ("A= one; A=; $A; ${A}two", "one *two"),
        ("TOOL=($x); $TOOL", ""),
        ("A=$x; $A; ${A:-one}", "one"),
    ],
)
def test_what_variables_and_quotes_stand_for(line: str, names: str) -> None:
    assert " ".join(used(line)).replace(HOLE, "*") == names


def test_a_word_has_no_more_than_some_values() -> None:
    assert used("for a in b c d e f g; do $a; done") == ["b", "c", "d", "e"]
    assert len(used('A=x; A=y; A=z; "$A/$A"')) == 4


@pytest.mark.parametrize(
    ("line", "paths"),
    [
        ("one /etc/a --file=/etc/b -x c.ini word", {"/etc/a": True, "/etc/b": True, "c.ini": True}),
        ("cd /srv; test -f a/b; [ -d /c/d ]", {"/srv": False, "a/b": False, "/c/d": False}),
        ("chown -R app /data", {"/data": False}),
        ("one </etc/in >/var/out", {"/etc/in": False, "/var/out": False}),
        ("for f in conf/*.ini; do one; done", {"conf/*.ini": False}),
        ('[[ "$x" == /etc/* ]]', {"/etc/*": False}),
        ("[[ -e /etc/a ]]", {"/etc/a": False}),
        ("echo /etc/a; printf /etc/b; rm /etc/c; mkdir -p /etc/d", {}),
        ("one . .. / ./ $UNKNOWN $(two /etc/x)", {"/etc/x": True}),
    ],
)
def test_paths_that_a_script_names(line: str, paths: dict[str, bool]) -> None:
    assert named(line) == paths


def test_functions_are_named() -> None:
    [one] = script("start() { one /etc/a; }").uses
    assert one.place == " in start()"
    assert script("start() { one /etc/a; }").named == (Named("/etc/a", True, " in start()"),)
    assert [each.place for each in script("start() { sh -c 'one'; }").uses] == [" in start()"] * 2


def test_folders_that_a_script_adds_to_the_path() -> None:
    found = script('PATH="/opt/bin:$PATH:lib:$HERE/bin"\nexport PATH=/opt/more:$PATH')
    assert found.folders == ("/opt/bin", "/opt/more")


@pytest.mark.parametrize(
    ("line", "chosen"),
    [("TZ=$1 one", True), ('export TZ="$zone"', True), ("TZ=UTC one", False), ("$TZ=$x; MYTZ=$x", False)],
)
def test_a_script_that_chooses_a_time_zone(line: str, chosen: bool) -> None:
    assert script(line).chooses_zone is chosen
    assert script(f"* * * * * {line}", Dialect.CRONTAB).chooses_zone is chosen


@pytest.mark.parametrize(
    ("text", "zones", "locales"),
    [
        ("TZ=Europe/Berlin date +%Z", ("Europe/Berlin",), ()),
        ("CRON_TZ=Asia/Tokyo\nexport TZ=':Asia/Tokyo'", ("Asia/Tokyo",), ()),
        ("TZ=$1 one; MYTZ=Asia/Tokyo", (), ()),
        ('LANG=de_DE.UTF-8 one\nexport LC_ALL="fr_FR"', (), ("de_DE.UTF-8", "fr_FR")),
        ("MYLANG=de_DE one; LANG=$x", (), ()),
    ],
)
def test_zones_and_locales_that_a_script_names(text: str, zones: tuple[str, ...], locales: tuple[str, ...]) -> None:
    found = script(text)
    assert (found.zones, found.locales) == (zones, locales)


@pytest.mark.parametrize(
    ("argv", "names"),
    [
        (("gosu", "app", "one", "x"), "gosu one"),
        (("/bin/sh", "-c", "exec one | two"), "/bin/sh one two"),
        (("tini", "--", "bash", "start.sh"), "tini bash"),
        (("echo", "x"), "echo"),
        (("eval", "one"), "eval"),
        (("",), ""),
        ((), ""),
    ],
)
def test_a_command_that_no_shell_reads(argv: tuple[str, ...], names: str) -> None:
    found = read(Source("", command_text(argv), Origin.APP, Dialect.COMMAND, VARIABLES))
    assert [one.use.value for one in found.uses if one.use.kind is Kind.PROGRAM] == names.split()
    assert (found.named, found.folders) == ((), ())


def test_a_text_for_a_shell_in_a_command_counts_in_full() -> None:
    argv = ("sh", "-c", "PATH=/opt/bin one /etc/a; TZ=$x")
    found = read(Source("", command_text(argv), Origin.APP, Dialect.COMMAND, VARIABLES))
    assert (found.folders, [one.path for one in found.named]) == (("/opt/bin",), ["/etc/a"])


@pytest.mark.parametrize(
    ("dialect", "line", "names"),
    [
        (Dialect.SYSTEM_CRONTAB, "*/5 * * * * root one -x % two", "one"),
        (Dialect.SYSTEM_CRONTAB, "@daily root one", "one"),
        (Dialect.CRONTAB, "0 4 1-7,9 jan mon one 50\\% | two", "one two"),
        (Dialect.CRONTAB, "\t@reboot one", "one"),
        (Dialect.CRONTAB, "TOOL=one\n@daily $TOOL", "one"),
        (Dialect.CRONTAB, "# @daily one\n* * * one\n\n@daily", ""),
    ],
)
def test_commands_of_crontabs(dialect: Dialect, line: str, names: str) -> None:
    assert [one.use.value for one in script(line, dialect).uses] == names.split()


@pytest.mark.parametrize(
    ("path", "crontab", "system"),
    [
        ("/etc/crontab", True, True),
        ("/etc/cron.d/job", True, True),
        ("/etc/cron.d/folder/job", False, False),
        ("/var/spool/cron/crontabs/root", True, False),
        ("/etc/crontabs/root", True, False),
        ("/srv/my-crontab.txt", True, False),
        ("/etc/passwd", False, False),
    ],
)
def test_names_of_crontabs(path: str, crontab: bool, system: bool) -> None:
    assert (is_crontab(path), is_system_crontab(path)) == (crontab, system)


def test_programs_that_start_one_another_end() -> None:
    assert len(list(uses(["nice"] * 50, shell=False))) == 12
    assert list(uses(["one"], shell=False)) == [Use(Kind.PROGRAM, "one")]


def test_texts_in_texts_are_read_within_bounds() -> None:
    assert used("eval eval eval one; eval eval eval eval two") == ["one"]
    assert len(used("; ".join(f"eval 'one{number}'" for number in range(300)))) == 199


def test_facts_come_back_from_the_cache_as_they_were() -> None:
    found = script("f() { PATH=/opt/bin:$PATH one /etc/a; . ./b; TZ=$x; }")
    assert load_facts(Script, dump_facts(found)) == found


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
    start = time.process_time()
    script(text)
    assert time.process_time() - start < 10
