"""The shell rule: commands, sourced files and named files, and what does not count."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.image.config import Healthcheck, ImageConfig
from slimmer.keep import registry
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding, KeepSetBuilder, Reason
from slimmer.keep.language import Limits
from slimmer.keep.languages.shell.language import SHELL
from slimmer.keep.languages.shell.reader import SCRIPT_LIMIT
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from tests.unit.local_image import LocalImage, followed, follower, opened

SCRIPT = "/usr/local/bin/start"

shell = follower(LanguageAnalyzer(SHELL))


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
    """Return the files that are kept because of a script that a shell opened."""
    image.add(SCRIPT, script, mode=0o755)
    context = image.context(opened(SCRIPT, by=by), config=config(**fields))
    return files(image, followed(context, shell, SCRIPT)) - {SCRIPT}


def files(image: LocalImage, builder: KeepSetBuilder) -> set[str]:
    return {entry.path for entry in image.tree() if entry.path in builder and not entry.is_directory}


def commands(image: LocalImage, line: str) -> set[str]:
    return {path.removeprefix("/usr/bin/") for path in kept(image, "#!/bin/sh\n" + line)}


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("one | two && three", "one two three"),
        ("exec gosu three nice -n 5 one", "gosu nice one"),
        ("find . -exec one {} + | xargs -n 2 three", "find one xargs three"),
        ("sh -c 'one | sh -ec two'", "sh one two"),
        ("later() { $COMMAND; }; COMMAND='nice one --fast'", "nice one"),
        ("one() { :; }; one", ""),
        ("apt-get update", ""),
        ('absent; $UNKNOWN; "$@"', ""),
        ("/usr/bin/one; /usr/bin/absent", "one"),
        ("/usr/bin/o*e", ""),
        ("/opt/tools/t*", "/opt/tools/tool"),
    ],
)
def test_the_commands_of_a_script_are_found(image: LocalImage, line: str, names: str) -> None:
    image.add("/opt/tools/tool", "\x7fELF", mode=0o755)
    assert commands(image, line) == set(names.split())


def test_a_command_that_is_a_script_is_followed_even_when_it_was_looked_at_before(image: LocalImage) -> None:
    image.add("/usr/bin/helper", "#!/usr/bin/env bash\none", mode=0o755)
    image.add(SCRIPT, "#!/bin/sh\nif false; then helper; fi", mode=0o755)
    context = image.context(opened(SCRIPT, by="/usr/bin/dash"), config=config())
    builder = followed(context, shell, SCRIPT, "/usr/bin/helper")
    assert "/usr/bin/one" in builder
    assert builder.reasons("/usr/bin/one") == (Reason("shell", "called by /usr/bin/helper", "/usr/bin/helper"),)


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


def test_a_path_with_an_unknown_beginning_is_found_in_a_folder_beside_the_script(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for name in ("escript/ctl", "escript/other", "sbin/tool", "etc/env"):
        image.add(f"/usr/lib/broker/{name}", "PK archive", mode=0o755)
    image.add("/usr/lib/broker/sbin/env", "run() { exec machine; }\n")
    image.add("/usr/lib/broker/sbin/ctl", '#!/bin/sh\n. "${0%/*}"/env\nrun "${ESCRIPTS:?must be set}"/ctl', mode=0o755)
    context = image.context(opened("/usr/lib/broker/sbin/ctl", by="/usr/bin/dash"), config=config())
    found = files(image, followed(context, shell, "/usr/lib/broker/sbin/ctl"))
    assert found == {"/usr/lib/broker/sbin/ctl", "/usr/lib/broker/sbin/env", "/usr/lib/broker/escript/ctl"}


def test_a_command_after_a_cd_is_found_in_a_folder_of_the_script_s_own(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add(
        "/usr/lib/cgit/filters/format.sh", '#!/bin/sh\ncd "$(dirname "$0")/converters"\nexec ./md2html\n', mode=0o755
    )
    image.add("/usr/lib/cgit/filters/converters/md2html", "binary", mode=0o755)
    image.add("/usr/lib/cgit/filters/converters/other", "binary", mode=0o755)
    context = image.context(opened("/usr/lib/cgit/filters/format.sh", by="/usr/bin/dash"), config=config())
    found = files(image, followed(context, shell, "/usr/lib/cgit/filters/format.sh"))
    assert found == {"/usr/lib/cgit/filters/format.sh", "/usr/lib/cgit/filters/converters/md2html"}


def test_a_program_whose_folder_is_unknown_is_found_unless_many_folders_have_one(image: LocalImage) -> None:
    image.add("/usr/local/libexec/helper", "#!/bin/sh\none", mode=0o755)
    for number in range(5):
        image.add(f"/usr/local/plugin-{number}/helper.sh", mode=0o755)
    found = kept(image, '#!/bin/sh\nexec "$LIBEXEC/helper" "$PLUGIN/helper.sh" "$X/start" "$X/absent"')
    assert found == {"/usr/local/libexec/helper", "/usr/bin/one"}


def test_named_files_and_folders_of_the_app_stay(image: LocalImage) -> None:
    for path in ("/srv/app/defaults/a.ini", "/srv/app/other/b", "/etc/app.conf", "/srv/app/main.py", "/usr/share/x/y"):
        image.add(path, "x")
    script = (
        "cp -r defaults /tmp; test -f /etc/app.conf; python3 main.py; mkdir other; cp -r ./defaults/ /usr/share /tmp"
    )
    assert kept(image, script) == {"/srv/app/defaults/a.ini", "/etc/app.conf", "/srv/app/main.py"}


def test_a_folder_that_is_only_entered_keeps_nothing_of_what_lies_in_it(image: LocalImage) -> None:
    image.add("/opt/data/large/file", "x")
    image.add(SCRIPT, "cd /opt/data/large && chown -R app /opt/data", mode=0o755)
    context = image.context(opened(SCRIPT, by="/usr/bin/dash"), config=config())
    builder = followed(context, shell, SCRIPT)
    assert "/opt/data/large" in builder
    assert "/opt/data/large/file" not in builder


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
    builder = followed(image.context(config=config(**fields)), shell, "/usr")
    assert "/usr/bin/one" in builder
    assert "/usr/bin/two" not in builder


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


@pytest.mark.parametrize("rule", ["not-hollow", "listed", "licence", "observed"])
def test_a_script_that_nothing_runs_is_not_followed(image: LocalImage, rule: str) -> None:
    assert "/usr/bin/one" not in _kept_as(image, rule)
    assert image.reads == []


@pytest.mark.parametrize("rule", ["program", "named-path"])
def test_a_script_that_other_code_starts_or_names_is_followed(image: LocalImage, rule: str) -> None:
    assert "/usr/bin/one" in _kept_as(image, rule)


def test_a_script_that_a_program_copies_is_followed_unless_it_is_a_sample(image: LocalImage) -> None:
    image.add("/usr/share/hooks/update", "#!/bin/sh\none", mode=0o755)
    image.add("/usr/share/hooks/update.sample", "#!/bin/sh\ntwo", mode=0o755)
    paths = ("/usr/share/hooks/update", "/usr/share/hooks/update.sample")
    context = image.context(*(opened(path, by="/usr/bin/git") for path in paths), config=config())
    observed = [Finding(path, Reason("observed", "opened by /usr/bin/git")) for path in paths]
    assert files(image, _followed_from(context, *observed)) == {*paths, "/usr/bin/one"}


def _kept_as(image: LocalImage, rule: str) -> KeepSetBuilder:
    image.add("/usr/bin/control", "#!/bin/sh\none", mode=0o755)
    context = image.context(config=config())
    return _followed_from(context, Finding("/usr/bin/control", Reason(rule)))


def _followed_from(context: ImageView, *findings: Finding) -> KeepSetBuilder:
    """Return what is kept of an image in which another analyzer found these paths."""
    builder = KeepSetBuilder(context.tree, evidence=registry.evidence())
    builder.add(findings)
    analysis = LanguageAnalyzer(SHELL).start(context)
    assert analysis is not None
    while added := builder.take_added():
        builder.add(analysis.follow(added, builder))
    return builder


@pytest.mark.parametrize(("line", "chosen"), [("TZ=$1 one", True), ("TZ=UTC one", False)])
def test_a_script_that_chooses_a_time_zone_has_them_all(image: LocalImage, line: str, chosen: bool) -> None:
    image.add("/usr/share/zoneinfo/Asia/Tokyo")
    assert ("/usr/share/zoneinfo/Asia/Tokyo" in kept(image, f"#!/bin/sh\n{line}\n")) is chosen


def test_a_script_keeps_the_zones_and_locales_that_it_names(image: LocalImage) -> None:
    paths = (
        "zoneinfo/Europe/Berlin",
        "zoneinfo/Asia/Tokyo",
        "../lib/locale/de_DE.utf8/LC_TIME",
        "../lib/locale/fr_FR/LC_TIME",
    )
    for path in paths:
        image.add(f"/usr/share/{path}".replace("/share/../", "/"))
    found = kept(image, "#!/bin/sh\nTZ=Europe/Berlin LC_ALL=de_DE.UTF-8 one\nTZ=../../../etc/passwd one\n")
    assert {"/usr/share/zoneinfo/Europe/Berlin", "/usr/lib/locale/de_DE.utf8/LC_TIME"} <= found
    assert not {"/usr/share/zoneinfo/Asia/Tokyo", "/usr/lib/locale/fr_FR/LC_TIME"} & found


def test_the_first_script_that_chooses_a_time_zone_is_named(image: LocalImage) -> None:
    image.add("/usr/share/zoneinfo/Asia/Tokyo")
    image.add("/usr/bin/other", "#!/bin/sh\nTZ=$2 one", mode=0o755)
    image.add(SCRIPT, "#!/bin/sh\nTZ=$1 other", mode=0o755)
    builder = followed(image.context(opened(SCRIPT, by="/usr/bin/dash"), config=config()), shell, SCRIPT)
    reason = Reason("time-zones", f"{SCRIPT} sets TZ to what it is told", SCRIPT)
    assert builder.reasons("/usr/share/zoneinfo/Asia/Tokyo") == (reason,)


def test_a_page_that_is_similar_to_a_script_is_one(image: LocalImage) -> None:
    image.add("/srv/pages/first.cgi", "echo hello")
    image.add("/srv/pages/second.cgi", "one | two")
    like = Finding("/srv/pages/second.cgi", Reason("like-files", "a .cgi file like …", "/srv/pages/first.cgi"))
    for by, expected in (("/usr/bin/dash", {"one", "two"}), ("/usr/sbin/httpd", set())):
        context = image.context(opened("/srv/pages/first.cgi", by=by), config=config())
        builder = _followed_from(context, like)
        assert {path.removeprefix("/usr/bin/") for path in files(image, builder)} - {like.path} == expected


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("/srv/pages/second.cgi", "#!/bin/sh\none", {"one"}),
        ("/srv/pages/second.cgi", "one", set()),
        ("/srv/pages/second.cgi", "#!/usr/bin/perl\none", set()),
        ("/srv/pages/second.txt", "#!/bin/sh\none", set()),
        ("/srv/others/second.cgi", "#!/bin/sh\none", set()),
    ],
)
def test_a_script_beside_one_that_a_shell_opened_is_one_though_it_is_no_program(
    image: LocalImage, path: str, content: str, expected: set[str]
) -> None:
    image.add("/srv/pages/first.cgi", "#!/bin/sh\necho hello")
    image.add(path, content)
    context = image.context(opened("/srv/pages/first.cgi", by="/usr/bin/dash"), config=config())
    builder = _followed_from(context, Finding(path, Reason("named-path", "in /srv, named by /etc/httpd.conf")))
    assert {path.removeprefix("/usr/bin/") for path in files(image, builder)} - {path} == expected


@pytest.mark.parametrize("first", ["#!/usr/bin/python3", "#!/usr/bin/perl", "#!/usr/bin/fish"])
def test_scripts_of_other_languages_are_left_to_their_rules(image: LocalImage, first: str) -> None:
    assert kept(image, f"{first}\none\n") == set()


def test_scripts_that_call_each_other_end(image: LocalImage) -> None:
    image.add("/usr/bin/ping", "#!/bin/sh\npong", mode=0o755)
    image.add("/usr/bin/pong", "#!/bin/sh\nping; one", mode=0o755)
    assert kept(image, "#!/bin/sh\nping") == {"/usr/bin/ping", "/usr/bin/pong", "/usr/bin/one"}


def test_all_files_of_a_folder_are_run(image: LocalImage) -> None:
    image.add("/etc/start.d/10-first", "one\n", mode=0o755)
    image.add("/etc/start.d/20-second", "#!/usr/bin/perl\ntwo\n", mode=0o755)
    image.add(SCRIPT, "#!/bin/sh\nrun-parts /etc/start.d", mode=0o755)
    builder = followed(image.context(opened(SCRIPT, by="/usr/bin/dash"), config=config()), shell, SCRIPT)
    assert files(image, builder) == {SCRIPT, "/etc/start.d/10-first", "/etc/start.d/20-second", "/usr/bin/one"}
    assert builder.reasons("/etc/start.d/10-first") == (Reason("shell", f"run by {SCRIPT}", SCRIPT),)


@pytest.mark.parametrize("line", [". /etc/*", ". /usr/lib/tool/*.sh", '. "$HERE/$UNKNOWN/x.sh"', '. "$HERE"/..'])
def test_a_name_that_fits_all_sorts_of_files_means_none(image: LocalImage, line: str) -> None:
    for path in ("/etc/settings", "/usr/lib/tool/x.sh", "/usr/local/bin/x.sh"):
        image.add(path, "one\n")
    assert kept(image, f"#!/bin/sh\n{line}") == set()


def test_files_with_a_name_that_is_known_in_part_stay(image: LocalImage) -> None:
    for path in ("/srv/app/conf/a.ini", "/srv/app/conf/b.txt", "/usr/local/bin/c.ini"):
        image.add(path, "x")
    script = "#!/bin/sh\ncp $APP_HOME/conf/*.ini $HERE/c.ini $HERE/absent.ini /absent /tmp"
    assert kept(image, script) == {"/srv/app/conf/a.ini", "/usr/local/bin/c.ini"}


def test_settings_without_a_suffix_are_sourced(image: LocalImage) -> None:
    image.add("/etc/default/app", "TOOL=one; one\n")
    assert kept(image, "#!/bin/sh\n. /etc/default/app") == {"/etc/default/app", "/usr/bin/one"}


@pytest.mark.parametrize(
    ("path", "mode", "first", "by", "followed_up"),
    [
        ("/srv/x.func", 0o644, "", "dash", True),
        ("/srv/x.cgi", 0o755, "#!/bin/ash\n", "dash", True),
        ("/srv/x.cgi", 0o644, "#!/bin/ash\n", "dash", False),
        ("/srv/x.cgi", 0o755, "", "dash", False),
        ("/srv/x.sh", 0o644, "#!/bin/busybox sh\n", "busybox", True),
        ("/srv/x", 0o755, "#!/bin/sh\n", "toybox", True),
        ("/srv/x.txt", 0o644, "#!/bin/sh\n", "busybox", False),
        ("/srv/x.sh", 0o755, "#!/bin/sh\n", "python3", True),
        ("/srv/x.sh", 0o644, "#!/bin/sh\n", "python3", False),
        ("/srv/x.sh", 0o644, "\0", "dash", False),
        ("/srv/x.so.sh", 0o644, "", "dash", False),
    ],
)
def test_what_counts_as_a_script(
    image: LocalImage, path: str, mode: int, first: str, by: str, followed_up: bool
) -> None:
    image.add(path, f"{first}one\n", mode=mode)
    builder = followed(image.context(opened(path, by=f"/usr/bin/{by}"), config=config()), shell, path)
    assert ("/usr/bin/one" in builder) is followed_up


def test_a_large_script_stays_but_is_not_looked_into(image: LocalImage) -> None:
    image.add("/usr/bin/large", "#!/bin/sh\none\n" + "#" * SCRIPT_LIMIT, mode=0o755)
    assert kept(image, "#!/bin/sh\nlarge") == {"/usr/bin/large"}


def test_scripts_beyond_the_bound_of_a_run_are_not_looked_into(image: LocalImage) -> None:
    image.add("/usr/bin/first", "#!/bin/sh\nsecond\n", mode=0o755)
    image.add("/usr/bin/second", "#!/bin/sh\none\n", mode=0o755)
    context = image.context(config=config(cmd=("first",)))
    small = LanguageAnalyzer(replace(SHELL, limits=Limits(total=20)))
    analysis = small.start(context)
    assert analysis is not None
    assert {finding.path for finding in analysis.follow((), KeepSetBuilder(context.tree, evidence={}))} >= {
        "/usr/bin/second"
    }
    assert image.reads == ["/usr/bin/first"]


def test_the_home_of_the_user_is_known(image: LocalImage) -> None:
    image.add("/home/app/run.sh", "one\n")
    context = replace(image.context(config=config(cmd=("sh", "-c", ". ~/run.sh"))), home="/home/app")
    assert "/usr/bin/one" in followed(context, shell, "/usr")


def test_a_health_check_is_read_by_the_shell_of_the_image(image: LocalImage) -> None:
    image.add("/opt/bash", "\x7fELF", mode=0o755)
    check = Healthcheck(("CMD-SHELL", "one /srv/app/ok.txt"))
    image.add("/srv/app/ok.txt", "x")
    builder = followed(image.context(config=config(healthcheck=check, shell=("/opt/bash", "-ec"))), shell, "/usr")
    assert builder.reasons("/opt/bash") == (Reason("shell", "called by the image's health check"),)
    assert builder.reasons("/usr/bin/one") == (Reason("shell", "called by the image's health check"),)
    assert builder.reasons("/srv/app/ok.txt") == (Reason("named-path", "named by the image's health check"),)


def test_a_script_that_the_command_starts_is_followed_from_there(image: LocalImage) -> None:
    image.add("/srv/app/start", "#!/bin/sh\nserve() { exec one; }\n", mode=0o755)
    builder = followed(image.context(config=config(entrypoint=("./start",))), shell, "/usr")
    assert builder.reasons("/usr/bin/one") == (
        Reason("shell", "called by /srv/app/start in serve()", "/srv/app/start"),
    )


def test_an_image_without_commands_costs_nothing(image: LocalImage) -> None:
    builder = followed(image.context(config=config()), shell, "/usr/bin/sh")
    assert files(image, builder) == {"/usr/bin/sh"}
    assert image.reads == []


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/opt/share/jupyter/kernels/x/kernel.json", '{"argv": ["one", "-f", "{file}"]}'),
        ("/usr/share/applications/x.desktop", "[Desktop Entry]\nName=two\nExec=one %u\n"),
        ("/lib/systemd/system/x.service", "[Service]\nExecStart=-/usr/bin/one \\\n  --now\n"),
        ("/etc/supervisor/conf.d/x.conf", "[program:two]\ncommand=one -x ; two\nautostart=false\n"),
        ("/srv/app/Procfile", "web: one --port $PORT\n"),
    ],
    ids=["kernel", "desktop", "unit", "supervisor", "procfile"],
)
def test_commands_in_data_files_that_are_in_use(image: LocalImage, path: str, content: str) -> None:
    image.add(path, content)
    context = image.context(opened(path, by="/usr/bin/python3.11"), config=config())
    assert files(image, followed(context, shell, path)) == {path, "/usr/bin/one"}


@pytest.mark.parametrize("content", ["{", "[]", '{"argv": [1]}', '{"argv": "one"}', "[" * 100_000, "\0", ""])
def test_a_hostile_data_file_names_no_command(image: LocalImage, content: str) -> None:
    path = "/opt/kernels/x/kernel.json"
    image.add(path, content)
    context = image.context(opened(path, by="/usr/bin/python3.11"), config=config())
    assert files(image, followed(context, shell, path)) == {path}


def test_the_module_that_python_runs_is_kept(image: LocalImage) -> None:
    site = "/venv/lib/python3.11/site-packages"
    image.add("/usr/bin/python3.11", "\x7fELF", mode=0o755)
    image.link("/venv/bin/python", "/usr/bin/python3.11")
    for name in ("launcher.py", "tool/__init__.py", "tool/__main__.py", "tool/late.py", "other.py"):
        image.add(f"{site}/{name}")
    paths = kept(
        image, "#!/bin/sh\npython -u -m launcher -f x\npython -m tool\npython x.py -m other\n", env=("PATH=/venv/bin",)
    )
    assert {path for path in paths if path.startswith(site)} == {
        f"{site}/{name}" for name in ("launcher.py", "tool/__init__.py", "tool/__main__.py")
    }
