"""An image with an app in a language whose sources are followed, for tests of the language's rule."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slimmer.image.config import ImageConfig
from slimmer.keep.analyzer import Follower
from tests.unit.local_image import LocalImage, followed, opened


class ScriptImage(LocalImage):
    """An image with an interpreter that opened the source of an app, `app`, and some of its own, `always`."""

    def __init__(
        self, root: Path, rule: Follower, *, app: str, program: str, config: ImageConfig, always: Sequence[str] = ()
    ) -> None:
        super().__init__(root)
        self._rule, self._app, self._program, self._config, self._always = rule, app, program, config, always
        for path in always:
            self.add(path)

    def kept(self, *start: str, by: str = "", config: ImageConfig | None = None) -> set[str]:
        """Return the files that are kept besides those that the interpreter opened. It opened `start` instead of the app's source."""
        return set(self.explained(*start, by=by, config=config))

    def explained(self, *start: str, by: str = "", config: ImageConfig | None = None) -> dict[str, list[str]]:
        """Return the same files with their reasons."""
        paths = (*(start or (self._app,)), *self._always)
        accesses = (opened(path, by=by or self._program) for path in paths)
        context = self.context(*accesses, config=config or self._config)
        builder = followed(context, self._rule, *paths)
        files = {entry.path for entry in context.tree if entry.path in builder and not entry.is_directory}
        return {
            path: [f"{reason.rule}: {reason.detail}" for reason in builder.reasons(path)]
            for path in sorted(files - set(paths))
        }
