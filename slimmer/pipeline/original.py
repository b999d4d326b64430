"""The files of the original image: its tree and contents, and the packages that they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slimmer.formatting import SHOWN, listed
from slimmer.image.engine_artifacts import ImageTree, read_image_tree
from slimmer.image.own_layers import OwnLayers
from slimmer.image.package_data import PackageData
from slimmer.image.package_files import PackageFiles
from slimmer.image.tree import Tree
from slimmer.keep.image_view import ImageView
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog
from slimmer.observe.pristine import PristineImage, within
from slimmer.pipeline.own_layers import LayerSearch
from slimmer.pipeline.session import Session
from slimmer.runs.image_mount import open_pristine


@dataclass(frozen=True, slots=True)
class Original:
    """The files of an image. They can be read while the session is open. `packages` are read when they are needed.

    `layers` are those that stay whole, as far as they are read; None if there are none.
    """

    session: Session
    pristine: PristineImage
    image: ImageTree
    packages: PackageFiles
    layers: LayerSearch | None = None

    @property
    def tree(self) -> Tree:
        """Every path of the image."""
        return self.image.tree

    @property
    def own_layers(self) -> OwnLayers | None:
        """The layers that stay whole; None if there are none. Wait until they are read."""
        return self.layers.reading.result() if self.layers is not None else None

    def view(self, log: AccessLog, home: str, selection: Selection) -> ImageView:
        """Return the image as the keep rules see it. Wait until its own layers are read."""
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
            own_layers=self.own_layers,
        )

    @property
    def package_data(self) -> PackageData:
        """Makes the data about the packages of kept paths."""
        tree, image = self.tree, self.image

        def mtime(path: str) -> int:
            entry = tree.get(path)
            return image.mtime(entry)[0] if entry is not None else 0

        stream = within(tree, self.pristine.stream)
        return PackageData(tree, stream, self.packages.owners, mtime)

    def warnings(self) -> Iterator[str]:
        """Yield a warning about names in the image that lead to nothing."""
        if names := self.tree.listed_only:
            yield (
                "the image lists names that cannot be opened (for example, whiteouts in its lowest layer). The slim image does "
                f"not have them: {listed(names, SHOWN)}"
            )


def open_original(session: Session) -> Original:
    """Read the tree of the session's image. Its contents can be read until the session ends."""
    pristine = session.opened.enter_context(
        open_pristine(session.scope, session.config, session.config.image_id, session.probe, session.unique("pristine"))
    )
    image = tree_of(session, pristine)
    return Original(session, pristine, image, PackageFiles(image.tree, pristine.stream, session.sandbox))


def tree_of(session: Session, pristine: PristineImage) -> ImageTree:
    """Return the tree of an image with the same creation time as the session's image."""
    return read_image_tree(pristine.index(), pristine.probe_folder, session.config.created, session.config.volumes)
