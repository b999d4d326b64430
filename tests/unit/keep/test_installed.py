"""Analyzers of other packages: found by their entry points, run last, and named in the error if they fail."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimmer.errors import PluginFailed, TargetNotFound
from slimmer.keep import ecosystems, installed, registry
from slimmer.keep.analyzer import Policy
from slimmer.keep.evidence import Evidence
from slimmer.keep.keeper import keep, keep_with
from slimmer.keep.keepset import KeepSet, Reason
from slimmer.testing import LocalImage, by_rule, opened
from tests.distribution import ANALYZER, install, on_path
from tests.unit.test_explanation import written

IMPORTS = """
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
"""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """Add a folder for distributions to sys.path. The registry starts afresh with it, and again without it after the test."""
    folder = tmp_path / "site"
    folder.mkdir()
    with on_path(folder):
        forget()
        yield folder
    forget()


def forget() -> None:
    registry.everything.cache_clear()
    registry.evidence.cache_clear()
    registry.ecosystems.cache_clear()
    ecosystems.ecosystems.cache_clear()
    ecosystems.source_suffixes.cache_clear()
    ecosystems.code_suffixes.cache_clear()


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path / "image")
    for name in ("/app/main.conf", "/app/main.conf.local"):
        image.add(name)
    return image


def kept(image: LocalImage, policy: Policy = Policy.BALANCED) -> KeepSet:
    return keep(image.view(opened("/app/main.conf")), policy)


def failure(image: LocalImage) -> PluginFailed:
    with pytest.raises(PluginFailed) as caught:
        kept(image)
    return caught.value


def test_what_an_installed_analyzer_finds_is_kept_with_its_reasons(site: Path, image: LocalImage) -> None:
    install(site, "besides", ANALYZER.format(id="local-conf"), "besides = besides:ANALYZER")
    reason = Reason("local-conf", "beside /app/main.conf", "/app/main.conf")
    assert kept(image).reasons["/app/main.conf.local"] == (reason,)
    assert "/app/main.conf.local" not in kept(image, Policy.OBSERVED)


def test_without_its_entry_point_nothing_is_run(site: Path, image: LocalImage) -> None:
    install(site, "besides", ANALYZER.format(id="local-conf"), "besides = besides:ANALYZER", group="other.group")
    assert "/app/main.conf.local" not in kept(image)


def test_analyzers_of_others_run_last_sorted_by_name(site: Path, image: LocalImage) -> None:
    install(site, "first", ANALYZER.format(id="by-first"), "z-last = first:ANALYZER")
    install(site, "second", ANALYZER.format(id="by-second"), "a-first = second:ANALYZER")
    ids = [one.id for one in registry.everything()]
    assert ids == [*(one.id for one in registry.BUILTIN), "by-second", "by-first"]
    assert [reason.rule for reason in kept(image).reasons["/app/main.conf.local"]] == ["by-second", "by-first"]


def test_the_ids_of_others_need_not_be_in_the_order_of_their_names(site: Path) -> None:
    for own_id, name in (("b-two", "m-second"), ("a-one", "z-third"), ("c-three", "a-first")):
        install(site, name.replace("-", "_"), ANALYZER.format(id=own_id), f"{name} = {name.replace('-', '_')}:ANALYZER")
    assert [one.id for one in registry.everything()][-3:] == ["c-three", "b-two", "a-one"]
    forget()
    install(site, "fourth", ANALYZER.format(id="d-four"), "z-z = fourth:ANALYZER")
    assert [one.id for one in registry.everything()][-1] == "d-four"


LANGUAGE = """
import re
from dataclasses import dataclass
from slimmer.keep.keepset import Reason
from slimmer.keep.language import Language, Lead, Origin, Resolver
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer


@dataclass(frozen=True)
class Facts:
    names: tuple[str, ...] = ()


def read(source):
    return Facts(tuple(re.findall("^use (.*)$", source.content.decode(), re.MULTILINE)))


class Uses(Resolver):
    def __init__(self, image, opened):
        pass

    def accepts(self, path):
        return path.endswith(".toy")

    def origin(self, path):
        return Origin.APP

    def leads(self, layer):
        for path, facts in layer.items():
            for name in facts.names:
                yield Lead(f"/app/{name}.toy", Reason("toy", f"used by {path}", path), code=True)


TOY = Language(
    id="toy", version=1, facts_type=Facts, read=read, programs=re.compile("toy"), resolver=Uses, suffixes=frozenset((".toy",))
)
ANALYZER = LanguageAnalyzer(TOY)
"""


def test_a_language_of_another_package_is_read_in_the_sandbox(site: Path, image: LocalImage) -> None:
    install(site, "toy_language", LANGUAGE, "toy = toy_language:ANALYZER")
    image.add("/app/main.toy", "use part\n")
    image.add("/app/part.toy", "use deep\n")
    image.add("/app/deep.toy")
    image.add("/app/other.toy")
    found = keep(image.view(opened("/app/main.toy", by="/usr/bin/toy")), Policy.BALANCED)
    assert by_rule(found, "toy") == {"/app/part.toy", "/app/deep.toy"}
    assert found.reasons["/app/deep.toy"] == (Reason("toy", "used by /app/part.toy", "/app/part.toy"),)
    assert ".toy" in ecosystems.source_suffixes()


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("OTHER = 1", "AttributeError"),
        ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def broken(", "SyntaxError"),
    ],
)
def test_an_analyzer_that_cannot_be_loaded_is_named(site: Path, image: LocalImage, source: str, said: str) -> None:
    install(site, "broken", source, "my-analyzer = broken:ANALYZER")
    error = failure(image)
    assert error.message.startswith("the analyzer my-analyzer (broken:ANALYZER) cannot be loaded: ")
    assert said in error.message
    assert error.exit_code == 2
    assert error.hint


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("ANALYZER = 7", "its `id`"),
        ("ANALYZER = FunctionAnalyzer('two words', BEYOND_OBSERVED, {})", "its `id`"),
        ("ANALYZER = FunctionAnalyzer('', BEYOND_OBSERVED, {})", "its `id`"),
        ("ANALYZER = FunctionAnalyzer('x', {'balanced'}, {})", "its `policies`"),
        ("ANALYZER = FunctionAnalyzer('x', frozenset(('balanced',)), {})", "its `policies`"),
        ("ANALYZER = FunctionAnalyzer('x', BEYOND_OBSERVED, ['x'])", "its `rules`"),
        ("ANALYZER = FunctionAnalyzer('x', BEYOND_OBSERVED, {'x': 4})", "its `rules`"),
        ("class ANALYZER: id, policies, rules = 'x', BEYOND_OBSERVED, {}", "a class"),
        ("import types\nANALYZER = types.SimpleNamespace(id='x', policies=BEYOND_OBSERVED, rules={})", "`start`"),
    ],
)
def test_an_analyzer_of_the_wrong_shape_is_named(site: Path, image: LocalImage, source: str, said: str) -> None:
    install(site, "shape", f"{IMPORTS}{source}\n", "my-analyzer = shape:ANALYZER")
    message = failure(image).message
    assert message.startswith("the analyzer my-analyzer (shape:ANALYZER) is no analyzer: ")
    assert said in message


@pytest.mark.parametrize("taken", ["python", "local-conf"])
def test_an_id_that_is_taken_is_refused(site: Path, image: LocalImage, taken: str) -> None:
    install(site, "one", ANALYZER.format(id="local-conf"), "a-one = one:ANALYZER")
    install(site, "two", ANALYZER.format(id=taken), "b-two = two:ANALYZER")
    message = failure(image).message
    assert message == f"the analyzer b-two (two:ANALYZER) has the id {taken}, which another one has"


@pytest.mark.parametrize("evidence", [Evidence.USED, Evidence.LISTED])
def test_a_rule_means_the_same_for_all(site: Path, image: LocalImage, evidence: Evidence) -> None:
    """More evidence than slimmer's own analyzers give the rule is as wrong as less."""
    install(
        site,
        "other",
        f"{IMPORTS}ANALYZER = FunctionAnalyzer('mine', BEYOND_OBSERVED, {{'observed': Evidence.{evidence.name}}})",
        "mine = other:ANALYZER",
    )
    message = f"the analyzer mine gives the rule observed the evidence {evidence.name}, another one gives it SEEN"
    assert message in failure(image).message


RUNS = """
class Mine:
    id, policies, rules = "mine", BEYOND_OBSERVED, {{"mine": Evidence.USED}}

    def start(self, image):
        {start}
        return self

    def seeds(self):
        {seeds}
        return ()

    def follow(self, added, kept):
        {follow}
        return ()


ANALYZER = Mine()
"""


@pytest.mark.parametrize("method", ["start", "seeds", "follow"])
@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("raise KeyError('/x')", "the analyzer mine failed: KeyError: '/x'"),
        ("raise ValueError", "the analyzer mine failed: ValueError"),
        ("import nowhere_to_be_found", "the analyzer mine failed: ModuleNotFoundError"),
    ],
)
def test_an_analyzer_that_fails_while_it_runs_is_named(
    site: Path, image: LocalImage, method: str, does: str, said: str
) -> None:
    steps = dict.fromkeys(("start", "seeds", "follow"), "pass") | {method: does}
    install(site, "mine", IMPORTS + RUNS.format(**steps), "mine = mine:ANALYZER")
    error = failure(image)
    assert error.message.startswith(said)
    assert error.exit_code == 2


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("return None", "the analyzer mine failed: TypeError"),
        ("return ['/app/main.conf.local']", "the analyzer mine gave '/app/main.conf.local' as a finding"),
        ("return [None]", "the analyzer mine gave None as a finding"),
        ("return (1 // 0 for _ in 'x')", "the analyzer mine failed: ZeroDivisionError"),
    ],
)
def test_an_analyzer_that_yields_other_things_than_findings_is_named(
    site: Path, image: LocalImage, answer: str, said: str
) -> None:
    install(site, "mine", IMPORTS + RUNS.format(start="pass", seeds="pass", follow=answer), "mine = mine:ANALYZER")
    assert failure(image).message.startswith(said)


def test_errors_that_slimmer_knows_come_out_as_they_are(site: Path, image: LocalImage) -> None:
    raises = "from slimmer.errors import TargetNotFound; raise TargetNotFound('no such model')"
    install(site, "mine", IMPORTS + RUNS.format(start="pass", seeds=raises, follow="pass"), "mine = mine:ANALYZER")
    with pytest.raises(TargetNotFound, match="no such model"):
        kept(image)


def test_an_analyzer_with_nothing_to_find_is_not_asked_again(site: Path, image: LocalImage) -> None:
    steps = {"start": "return None", "seeds": "raise ValueError", "follow": "raise ValueError"}
    install(site, "mine", IMPORTS + RUNS.format(**steps), "mine = mine:ANALYZER")
    assert "/app/main.conf" in kept(image)


def test_the_program_ends_with_a_message_and_no_traceback(site: Path, image: LocalImage, tmp_path: Path) -> None:
    view = image.view(opened("/app/main.conf"))
    output = written(tmp_path / "out", view, (opened("/app/main.conf"),), ())
    command = [sys.executable, "-m", "slimmer", "explain", str(tmp_path / "out"), "--why-size"]
    environment = os.environ | {"PYTHONPATH": str(site)}
    fine = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (fine.returncode, output.policy) == (0, "observed"), fine.stderr
    install(site, "broken", "import nowhere_to_be_found", "my-analyzer = broken:ANALYZER")
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert "my-analyzer (broken:ANALYZER) cannot be loaded" in " ".join(result.stderr.split())
    assert "Traceback" not in result.stderr


def test_slimmers_own_analyzers_would_pass_as_others(image: LocalImage) -> None:
    assert [installed.fault(one) for one in registry.BUILTIN] == [""] * len(registry.BUILTIN)
    ids = [one.id for one in registry.BUILTIN]
    assert len(ids) == len(set(ids))


def test_in_an_image_of_one_file_few_analyzers_start(image: LocalImage) -> None:
    """Analyzers with nothing to find cost nothing."""
    view = image.view(opened("/app/main.conf"))
    started = {one.id for one in registry.BUILTIN if one.start(view) is not None}
    assert started <= {
        "observed",
        "listed",
        "engine",
        "hard-link",
        "like-files",
        "native",
        "interpreter",
        "shell",
        "python",
        "python-startup",
        "package",
        "licence",
    }
    assert {"observed", "native"} <= started
    assert image.reads == []
    kept = keep_with(registry.BUILTIN, registry.merged(registry.BUILTIN), view)
    assert "/app/main.conf" in kept
