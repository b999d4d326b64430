"""The keeper: run the rules of a policy, follow what they kept, then close the set.

Closing means: whatever leads to a kept path is kept, other names of kept paths are kept, no directory is hollow. Whatever
that adds is followed in its turn, until nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterable

from slimmer.errors import ObservationIncomplete
from slimmer.keep.apps.plugins import plugins
from slimmer.keep.apps.postgresql import postgresql
from slimmer.keep.apps.sibling_files import sibling_files
from slimmer.keep.apps.sites import sites
from slimmer.keep.apps.web_server.follower import web_server
from slimmer.keep.core.engine_needs import engine_needs
from slimmer.keep.core.interpreters import interpreters
from slimmer.keep.core.licences import licences
from slimmer.keep.core.links import links
from slimmer.keep.core.listed import listed
from slimmer.keep.core.nonempty_dirs import nonempty_dirs
from slimmer.keep.core.observed import observed
from slimmer.keep.core.packages import packages
from slimmer.keep.core.user_selection import only_selected, user_selection
from slimmer.keep.image_view import Follower, ImageView, Policy, Rule
from slimmer.keep.keepset import Finding, KeepSet, KeepSetBuilder
from slimmer.keep.languages.java.rule import java
from slimmer.keep.languages.node.follower import node
from slimmer.keep.languages.perl.follower import perl
from slimmer.keep.languages.php.follower import php
from slimmer.keep.languages.python.follower import python
from slimmer.keep.languages.r.packages import r_packages
from slimmer.keep.languages.ruby.follower import ruby
from slimmer.keep.languages.shell.follower import shell
from slimmer.keep.native.native import native
from slimmer.keep.selection import Patterns

OBSERVED: tuple[Rule, ...] = (user_selection, observed, listed, engine_needs)
REACHABLE: tuple[Rule, ...] = (*OBSERVED, java, sibling_files, sites, plugins, postgresql, r_packages)
RULES: dict[Policy, tuple[Rule, ...]] = {
    Policy.OBSERVED: OBSERVED,
    Policy.BALANCED: REACHABLE,
    Policy.GENEROUS: REACHABLE,
}
"""Which rules a policy runs, in the order in which their reasons are listed."""

REACHED: tuple[Follower, ...] = (links, native, interpreters, shell, web_server, python, node, ruby, php, perl)
FOLLOWERS: dict[Policy, tuple[Follower, ...]] = {
    Policy.OBSERVED: (links, only_selected(native), only_selected(shell), licences),
    Policy.BALANCED: (*REACHED, licences),
    Policy.GENEROUS: (*REACHED, packages, licences),
}
"""What looks at the paths that were kept, for what they lead to."""


def keep(image: ImageView, policy: Policy = Policy.OBSERVED, extra: Iterable[Finding] = ()) -> KeepSet:
    """The paths to keep. `extra` are findings from elsewhere, such as a repair.

    Raises ObservationIncomplete when nothing of the image was seen in use: an empty result is an error, not a triumph.
    """
    tree = image.tree
    if not any(tree.resolve(access.asked).end not in (None, "/") for access in image.log.accesses):
        raise ObservationIncomplete(
            "the run recorded no access to any file of the image",
            hint="Does the app start at all? `--recorder ptrace` sees through another door.",
        )
    builder = KeepSetBuilder(tree, Patterns(tree, image.selection.exclude, "--exclude").match)
    for rule in RULES[policy]:
        builder.add(rule(image))
    builder.add(extra)
    _close(image, builder, FOLLOWERS[policy])
    return builder.finished()


def check_selection(image: ImageView) -> None:
    """Whether the image has what the user chose, and the patterns make sense: raises UsageError. Needs no log."""
    Patterns(image.tree, image.selection.exclude, "--exclude")
    for _ in user_selection(image):
        pass


def _close(image: ImageView, builder: KeepSetBuilder, followers: Iterable[Follower]) -> None:
    """Follow until nothing is new; only then is it known which directories would be hollow."""
    follows = [follower(image) for follower in followers]
    while True:
        while fresh := builder.fresh():
            for follow in follows:
                builder.add(follow(fresh, builder))
        empty = [path for path in builder.nonempty_dirs() if next(image.tree.children(path), None) is not None]
        if not empty:
            return
        known = len(builder)
        builder.add(nonempty_dirs(image.tree, empty))
        if len(builder) == known:  # what would fill them is a socket, or excluded
            return
