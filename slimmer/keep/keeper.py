"""The keeper: run the rules of a policy, follow what they kept, then close the set.

Closing means: whatever leads to a kept path is kept, other names of kept paths are kept, no directory is hollow. Whatever
that adds is followed in its turn, until nothing is added.
"""

from __future__ import annotations

from collections.abc import Iterable

from slimmer.errors import ObservationIncomplete
from slimmer.keep.apps.plugins import plugins
from slimmer.keep.apps.postgresql import postgresql
from slimmer.keep.apps.sibling_files import like_files
from slimmer.keep.apps.sites import sites
from slimmer.keep.apps.web_server.follower import web_server
from slimmer.keep.core.engine_needs import engine_needs
from slimmer.keep.core.interpreters import interpreters
from slimmer.keep.core.licences import licences
from slimmer.keep.core.links import links
from slimmer.keep.core.listed import listed
from slimmer.keep.core.nonempty_dirs import hollow
from slimmer.keep.core.observed import observed
from slimmer.keep.core.packages import packages
from slimmer.keep.core.user_selection import chosen, only_chosen
from slimmer.keep.image_view import Context, Follower, Policy, Rule
from slimmer.keep.keepset import Finding, Growing, KeepSet
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

OBSERVED: tuple[Rule, ...] = (chosen, observed, listed, engine_needs)
REACHABLE: tuple[Rule, ...] = (*OBSERVED, java, like_files, sites, plugins, postgresql, r_packages)
RULES: dict[Policy, tuple[Rule, ...]] = {
    Policy.OBSERVED: OBSERVED,
    Policy.BALANCED: REACHABLE,
    Policy.GENEROUS: REACHABLE,
}
"""Which rules a policy runs, in the order in which their reasons are listed."""

REACHED: tuple[Follower, ...] = (links, native, interpreters, shell, web_server, python, node, ruby, php, perl)
FOLLOWERS: dict[Policy, tuple[Follower, ...]] = {
    Policy.OBSERVED: (links, only_chosen(native), only_chosen(shell), licences),
    Policy.BALANCED: (*REACHED, licences),
    Policy.GENEROUS: (*REACHED, packages, licences),
}
"""What looks at the paths that were kept, for what they lead to."""


def keep(context: Context, policy: Policy = Policy.OBSERVED, extra: Iterable[Finding] = ()) -> KeepSet:
    """The paths to keep. `extra` are findings from elsewhere, such as a repair.

    Raises ObservationIncomplete when nothing of the image was seen in use: an empty result is an error, not a triumph.
    """
    tree = context.tree
    if not any(tree.resolve(access.asked).end not in (None, "/") for access in context.log.accesses):
        raise ObservationIncomplete(
            "the run recorded no access to any file of the image",
            hint="Does the app start at all? `--recorder ptrace` sees through another door.",
        )
    growing = Growing(tree, Patterns(tree, context.selection.exclude, "--exclude").match)
    for rule in RULES[policy]:
        growing.add(rule(context))
    growing.add(extra)
    _close(context, growing, FOLLOWERS[policy])
    return growing.finished()


def check_selection(context: Context) -> None:
    """Whether the image has what the user chose, and the patterns make sense: raises UsageError. Needs no log."""
    Patterns(context.tree, context.selection.exclude, "--exclude")
    for _ in chosen(context):
        pass


def _close(context: Context, growing: Growing, followers: Iterable[Follower]) -> None:
    """Follow until nothing is new; only then is it known which directories would be hollow."""
    follows = [follower(context) for follower in followers]
    while True:
        while fresh := growing.fresh():
            for follow in follows:
                growing.add(follow(fresh, growing))
        empty = [path for path in growing.hollow() if next(context.tree.children(path), None) is not None]
        if not empty:
            return
        known = len(growing)
        growing.add(hollow(context.tree, empty))
        if len(growing) == known:  # what would fill them is a socket, or excluded
            return
