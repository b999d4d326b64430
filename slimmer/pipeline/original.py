"""The image's own files: its tree and contents as the image holds them, and the packages that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slimmer.formatting import SHOWN, listed
from slimmer.image.engine_artifacts import ImageTree, read_image_tree
from slimmer.image.package_files import PackageFiles
from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog
from slimmer.observe.pristine import PristineImage, within
from slimmer.pipeline.session import Session
from slimmer.runs.image_mount import open_pristine


@dataclass(frozen=True, slots=True)
class Original:
    """An image's files, which stay readable as long as the session is open. `packages` are read when they are asked for."""

    session: Session
    pristine: PristineImage
    image: ImageTree
    packages: PackageFiles

    @property
    def tree(self) -> Tree:
        """Every path of the image."""
        return self.image.tree

    def view(self, log: AccessLog, home: str, selection: Selection) -> ImageView:
        """What the keep rules look at."""
        session, pristine = self.session, self.pristine
        read, stream = within(self.tree, pristine.read), within(self.tree, pristine.stream)
        return ImageView(
            self.tree,
            log,
            session.config,
            lambda paths: read(list(paths)),
            home,
            selection,
            self.packages,
            session.sandbox,
            stream,
        )

    def warnings(self) -> Iterator[str]:
        """Names in the image that lead to nothing, in words."""
        if names := self.tree.listed_only:
            yield (
                "the image lists names that nobody can look up (whiteouts in its lowest layer, for example), and the slim image "
                f"does not have them: {listed(names, SHOWN)}"
            )


def open_original(session: Session) -> Original:
    """Read the tree of the session's image. Its contents can be read until the session ends."""
    pristine = session.opened.enter_context(
        open_pristine(session.scope, session.config, session.config.image_id, session.probe, session.unique("pristine"))
    )
    image = tree_of(session, pristine)
    return Original(session, pristine, image, PackageFiles(image.tree, pristine.stream, session.sandbox))


def tree_of(session: Session, pristine: PristineImage) -> ImageTree:
    """The tree of an image that was made when the session's image was."""
    return read_image_tree(pristine.index(), pristine.probe_folder, session.config.created, session.config.volumes)
