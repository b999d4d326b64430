"""The docs match the tree: links, paths, make targets, commands, options, tests and rooms that they name exist."""

from __future__ import annotations

import itertools
import re
import shlex
import textwrap
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
import typer
import typer.core

from slimmer import errors
from slimmer.cli.main import app
from slimmer.errors import SlimmerError
from slimmer.keep import registry

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "sample_apps/**/*.md", ".github/**/*.md")
    for page in ROOT.glob(pattern)
)
ROOMS = {folder.parent.name for folder in (ROOT / "slimmer").glob("*/__init__.py")}

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PATH = re.compile(
    r"(?<![\w./<:~-])(?:slimmer|tests|docs|scripts|benchmarks|probes/(?:files|http)|sample_apps|"
    + "|".join(ROOMS)
    + r")/[\w./*-]*"
)
TARGET = re.compile(r"(?<![\w-])make ([a-z][a-z-]*)")
TEST = re.compile(r"`(test_\w+)`")

HELPERS = "helpers"
"""The box of the modules at the root, in the picture of the rooms."""

INVENTED = "toy"
"""The language that docs/adding-a-language.md adds; its files do not exist."""

FOREIGN = {
    "--json", "--privileged", "--no-sandbox", "--tlog-upload", "--insecure-ignore-tlog", "--use-signing-config",
}  # fmt: skip
"""Options of other programs that the docs name: of the benchmarks, of docker, of Chromium, and of cosign."""


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def prose(page: str) -> str:
    """A page without its blocks of code."""
    unfenced = re.sub(r"^```.*?^```$", "", text(page), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^    .*$", "", unfenced, flags=re.MULTILINE)


def code(page: str) -> Iterator[str]:
    """What a page shows as code: spans between backticks, and the lines of indented and fenced blocks."""
    yield from re.findall(r"`([^`\n]+)`", prose(page))
    fences = re.findall(r"^```\w*\n(.*?)^```$", text(page), flags=re.MULTILINE | re.DOTALL)
    for block in (*fences, *re.findall(r"(?:^    .*\n)+", text(page), flags=re.MULTILINE)):
        yield from (re.sub(r"(^|\s)#.*", "", line) for line in re.sub(r"\\\n", " ", block).splitlines())


def anchors(page: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```$", "", text(page), flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(page: str, heading: str) -> str:
    return re.split(r"^## ", text(page).partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


@cache
def commands() -> dict[str, set[str]]:
    """The options of each command of the command line."""
    group = typer.main.get_command(app)
    assert isinstance(group, typer.core.TyperGroup)
    return {name: options_of(command) | {"--help", "-h"} for name, command in group.commands.items()}


def options_of(command: Any) -> set[str]:
    """The options of a command, and of those below it."""
    own = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    below = getattr(command, "commands", {}).values()
    return own.union(*map(options_of, below))


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in LINK.findall(prose(page)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(target.resolve().relative_to(ROOT).as_posix()), link


@pytest.mark.parametrize("page", PAGES)
def test_paths_exist(page: str) -> None:
    for path in PATH.findall(prose(page)):
        name = re.sub(r"\b[A-Z]+\b", "*", path.rstrip("./"))
        assert INVENTED in name or any([*ROOT.glob(name), *(ROOT / "slimmer").glob(name)]), path


@pytest.mark.parametrize("page", PAGES)
def test_tests_that_are_named_exist(page: str) -> None:
    for name in TEST.findall(text(page)):
        assert f"def {name}(" in all_tests(), name


@cache
def all_tests() -> str:
    return "\n".join(file.read_text(encoding="utf-8") for file in (ROOT / "tests").rglob("test_*.py"))


@pytest.mark.parametrize("page", PAGES)
def test_make_knows_the_targets(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.MULTILINE))
    for line in code(page):
        assert set(TARGET.findall(line)) <= targets, line


@pytest.mark.parametrize("page", PAGES)
def test_commands_and_their_options_exist(page: str) -> None:
    for line in code(page):
        shown = re.search(r"(?:^|\s)slimmer(?: -vv?)? ([a-z]+)(.*)", line)
        if shown is None:
            continue
        assert shown[1] in commands(), line
        words = shlex.split(re.split(r" [|>&→] ", shown[2])[0])
        options = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        assert options <= commands()[shown[1]], line


@pytest.mark.parametrize("page", PAGES)
def test_options_exist(page: str) -> None:
    known = set.union(*commands().values()) | FOREIGN | {"--version", "--verbose"}
    for span in re.findall(r"`(--[a-z][^`\n]*)`", text(page)):
        option = re.match(r"--[a-z-]+", span)
        assert option is not None and option[0] in known, span


def test_the_docs_name_every_option() -> None:
    shown = "\n".join(map(text, PAGES))
    options = {option for options in commands().values() for option in options if option.startswith("--")}
    options -= {f"--{option[5:]}" for option in options if option.startswith("--no-")}  # the default needs no option
    assert [option for option in sorted(options) if not re.search(rf"{option}(?![\w-])", shown)] == []


def test_the_design_names_every_room() -> None:
    rooms = re.findall(r"^\| `(\w+)/` \|", section("docs/design.md", "The rooms"), re.MULTILINE)
    assert sorted(rooms) == sorted(ROOMS)


def test_the_picture_of_the_rooms_shows_what_imports_what() -> None:
    """Every arrow is an import, and every import of one room by another follows the arrows, perhaps through other rooms."""
    imports = {
        (importer, imported)
        for importer, imported in itertools.permutations(ROOMS, 2)
        if graph().direct_import_exists(
            importer=f"slimmer.{importer}", imported=f"slimmer.{imported}", as_packages=True
        )
    }
    drawn = arrows()
    assert {arrow for arrow in drawn if HELPERS not in arrow} <= imports
    assert imports <= {(room, below) for room in ROOMS for below in reached(room, drawn)}


def test_the_picture_of_the_rooms_names_every_module_at_the_root() -> None:
    (names,) = re.findall(rf'{HELPERS}\["[^:]*: (.*)"\]', section("docs/design.md", "The rooms"))
    modules = {module.stem for module in (ROOT / "slimmer").glob("*.py")} - {"__init__", "__main__"}
    assert names.split(" · ") == sorted(modules)


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("slimmer", cache_dir=None)


def arrows() -> set[tuple[str, str]]:
    """The arrows of the picture of the rooms: (importer, imported)."""
    picture = section("docs/design.md", "The rooms").partition("flowchart TB\n")[2].partition("```")[0]
    drawn = set[tuple[str, str]]()
    for line in picture.splitlines():
        steps = [re.findall(r"\w+", step) for step in re.sub(r"\[.*\]", "", line).split("-->")]
        for above, below in itertools.pairwise(steps):
            drawn |= set(itertools.product(above, below))
    return drawn


def reached(room: str, drawn: set[tuple[str, str]]) -> set[str]:
    below = {imported for importer, imported in drawn if importer == room}
    return below.union(*(reached(other, drawn) for other in below))


def test_sections_that_the_code_refers_to_exist() -> None:
    for file in [*(ROOT / "slimmer").rglob("*.py"), *(ROOT / "probes/files").glob("*.[ch]")]:
        for page, heading in re.findall(r'((?:docs/)?[\w-]+\.md), "([^"\n]+)"', file.read_text(encoding="utf-8")):
            if (ROOT / page).exists():
                assert f"\n{heading}\n" in re.sub(r"^#+ ", "", text(page), flags=re.MULTILINE), (
                    f"{file}: {page}, {heading}"
                )


@pytest.mark.parametrize(("folder", "index"), [("docs", "README.md"), ("docs/decisions", "docs/decisions/README.md")])
def test_every_page_is_linked(folder: str, index: str) -> None:
    linked = {((ROOT / index).parent / link).resolve() for link in LINK.findall(text(index)) if "://" not in link}
    assert {page.resolve() for page in (ROOT / folder).glob("*.md")} - {ROOT / index} <= linked


def test_every_exit_code_is_explained() -> None:
    rows = re.findall(r"^\| (\d+) \|", text("docs/errors.md"), re.MULTILINE)
    failures = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SlimmerError)]
    assert sorted(map(int, rows)) == sorted({0, *(kind.exit_code for kind in failures)})


def test_every_rule_is_explained() -> None:
    assert [
        rule for rule in sorted(rules()) if not re.search(rf"(?<![\w-]){rule}(?![\w-])", text("docs/keeping.md"))
    ] == []


def test_the_overview_of_the_rules_names_each() -> None:
    rows = re.findall(r"^\| \d .*\| (.*) \|$", section("docs/keeping.md", "Find a rule"), re.MULTILINE)
    assert {name.split()[0] for row in rows for name in re.split("[,;] ", row)} == rules()


def rules() -> set[str]:
    return {rule for analyzer in registry.BUILTIN for rule in analyzer.rules} | set(registry.KEEPER_RULES)


def test_every_format_has_its_row() -> None:
    rows = re.findall(r"`(slimmer-[\w-]+)` \| ([\d.]+) \| \[.*\]\(schemas/([\w-]+)\.json\)", text("docs/artifacts.md"))
    schemas = {}
    for file in {*(ROOT / "docs/schemas").glob("*.json")} - {ROOT / "docs/schemas/probe-file.json"}:  # it has no head
        schema = file.read_text(encoding="utf-8")
        schemas[file.stem] = re.findall(r'"(slimmer-[a-z-]+)"', schema)[0]
    assert {schema: name for name, _, schema in rows} == schemas


def test_every_command_has_its_example_in_python() -> None:
    assert set(commands()) <= {
        heading.strip() for heading in re.findall(r"^## (.*)$", text("docs/api.md"), re.MULTILINE)
    }


def test_the_settings_that_are_shown_are_options() -> None:
    shown = re.search(r"^    # slimmer.toml\n(?:    .*\n|\n)+", text("docs/settings.md"), re.MULTILINE)
    assert shown is not None
    found = tomllib.loads(textwrap.dedent(shown[0]))
    assert {f"--{key}" for key in found.pop("compare")} <= commands()["compare"]
    assert {f"--{key}" for key in (*found.pop("build"), *found)} <= commands()["build"]
