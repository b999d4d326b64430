"""The public kit for tests of analyzers and languages."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from slimmer.errors import ObservationIncomplete
from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer, Policy
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.languages.ruby.language import RUBY
from slimmer.keep.selection import Selection
from slimmer.keep.sources.language_analyzer import LanguageAnalyzer
from slimmer.testing import LocalImage, by_rule, files, opened, run, run_policy


def notes(image: ImageView) -> Iterator[Finding]:
    """Keep the file `notes` beside whatever was opened."""
    for access in image.log.accesses:
        folder = access.asked.rpartition("/")[0]
        yield from reach(image.tree, f"{folder}/notes", Reason("notes", f"beside {access.asked}", access.asked))


NOTES = FunctionAnalyzer("notes", BEYOND_OBSERVED, {"notes": Evidence.USED}, notes)


@pytest.fixture
def image(tmp_path: Path) -> LocalImage:
    image = LocalImage(tmp_path)
    image.add("/app/main", "#!/bin/sh\n", mode=0o755)
    image.add("/app/other")
    image.link("/app/notes", "/srv/notes-1")
    image.add("/srv/notes-1", "text")
    return image


def test_an_image_is_the_folder_with_its_modes_and_links(image: LocalImage) -> None:
    tree = image.tree()
    main, notes, root = tree.get("/app/main"), tree.get("/app/notes"), tree.get("/")
    assert main is not None and (main.mode, main.size, main.uid) == (0o100755, 10, 0)
    assert notes is not None and (notes.is_link, notes.target) == (True, "/srv/notes-1")
    assert root is not None and root.is_directory
    assert tree.resolve("/app/notes").end == "/srv/notes-1"


def test_contents_come_whole_or_in_pieces_and_are_noted(image: LocalImage) -> None:
    view = image.view()
    assert dict(view.read(["/srv/notes-1", "/app/notes", "/app"])) == {
        "/srv/notes-1": b"text", "/app/notes": None, "/app": None
    }  # fmt: skip
    assert [b"".join(pieces or ()) for _, pieces in view.stream(["/srv/notes-1", "/nowhere"])] == [b"text", b""]
    assert image.reads == ["/srv/notes-1", "/app/notes", "/app", "/srv/notes-1", "/nowhere"]


def test_one_analyzer_is_run_on_what_the_app_opened(image: LocalImage) -> None:
    view = image.view(opened("/app/main", by="/bin/init"))
    kept = run(NOTES, view)
    assert files(view, kept) == {"/app/main", "/app/notes", "/srv/notes-1"}
    assert by_rule(kept, "notes") == {"/srv/notes-1"}
    assert kept.reasons["/srv/notes-1"] == (Reason("notes", "beside /app/main", "/app/main"),)
    assert str(kept.reasons["/app/main"][0]) == "observed: opened by /bin/init"


def test_paths_may_count_as_observed_without_an_access(image: LocalImage) -> None:
    kept = run(NOTES, image.view(), "/app/other")
    assert by_rule(kept, "observed") == {"/app/other"}
    assert by_rule(kept, "notes") == set()


def test_a_policy_is_run_with_an_analyzer_more(image: LocalImage) -> None:
    view = image.view(opened("/app/main"), selection=Selection(exclude=("/srv/notes-1",)))
    assert "/app/notes" in run_policy(Policy.BALANCED, view, NOTES)
    assert "/app/notes" not in run_policy(Policy.OBSERVED, view, NOTES)
    assert "/app/notes" not in run_policy(Policy.BALANCED, view)
    assert list(run_policy(Policy.BALANCED, view, NOTES).excluded) == ["/srv/notes-1"]
    with pytest.raises(ObservationIncomplete):
        run_policy(Policy.BALANCED, image.view(), NOTES)


def test_a_language_is_run_as_its_analyzer(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/srv/app.rb", "require_relative 'shop/cart'\n")
    image.add("/srv/shop/cart.rb", "A = 1\n")
    kept = run(LanguageAnalyzer(RUBY), image.view(opened("/srv/app.rb", by="/usr/bin/ruby")))
    assert by_rule(kept, "ruby") == {"/srv/shop/cart.rb"}
    assert image.reads == ["/srv/app.rb", "/srv/shop/cart.rb"]


def test_what_is_no_analyzer_is_told(image: LocalImage) -> None:
    with pytest.raises(TypeError, match="its `id`"):
        run(notes, image.view())  # type: ignore[arg-type]


def test_a_rule_that_is_not_declared_is_told(image: LocalImage) -> None:
    undeclared = FunctionAnalyzer("other", BEYOND_OBSERVED, {"other": Evidence.USED}, notes)
    with pytest.raises(ValueError, match="the analyzer other does not declare the rule"):
        run(undeclared, image.view(opened("/app/main")))


def test_an_analyzers_error_comes_out_as_it_is(image: LocalImage) -> None:
    def fails(image: ImageView) -> Iterator[Finding]:
        raise KeyError("/x")

    with pytest.raises(KeyError):
        run(FunctionAnalyzer("fails", BEYOND_OBSERVED, {}, fails), image.view())


def test_it_needs_no_test_framework() -> None:
    script = "import sys, slimmer.testing; sys.exit('pytest' in sys.modules or '_pytest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
