"""A folder that met a limit is named only if something of it is missing in the end."""

from __future__ import annotations

from pathlib import Path

from slimmer.keep.keepset import KeepSet, Reason
from slimmer.pipeline.unproven import unproven
from slimmer.testing import LocalImage
from slimmer.unproven import Kind


def test_a_folder_that_is_whole_after_all_is_not_named(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    for path in ("/srv/a/1", "/srv/a/2", "/srv/b/1"):
        image.add(path)
    view = image.view()
    for folder in ("/srv/a", "/srv/b"):
        view.unproven.note(Kind.LIMIT, folder, "is too large", f"--include {folder}")
    view.unproven.note(Kind.LANGUAGE, "Julia", "slimmer has no analyzer for it")
    kept = KeepSet({path: (Reason("observed"),) for path in ("/srv/a/1", "/srv/b/1")})
    assert [item.name for item in unproven(view, kept)] == ["Julia", "/srv/a"]
