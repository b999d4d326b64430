"""The options that say what to keep, for every command that decides it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from slimmer.cli import options

if TYPE_CHECKING:
    from slimmer.keep.analyzer import Policy
    from slimmer.keep.selection import Selection


class Choice(NamedTuple):
    """What the user wants to be kept: by policy, and by name."""

    policy: Policy
    selection: Selection


def choice(
    policy: options.Policy = "balanced",
    include: options.Include = None,
    exclude: options.Exclude = None,
    include_bin: options.IncludeBin = None,
    include_package: options.IncludePackage = None,
    include_shell: options.IncludeShell = False,
    keep_file: options.KeepFile = None,
    licences: options.Licences = True,
) -> Choice:
    """The options as a value. Raises UsageError for those that make no sense."""
    from slimmer.cli import parse
    from slimmer.keep.analyzer import Policy

    level = Policy(parse.choice("--policy", policy, tuple(Policy)))
    selection = parse.selection(
        include=include or [],
        exclude=exclude or [],
        files=keep_file or [],
        bins=include_bin or [],
        packages=include_package or [],
        shell=include_shell,
        licences=licences,
    )
    return Choice(level, selection)
