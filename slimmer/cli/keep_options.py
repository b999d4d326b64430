"""The options that select what to keep. Every command that decides this shares them."""

from __future__ import annotations

from typing import Any

from slimmer.cli import options
from slimmer.cli.option_groups import given


def choice(
    policy: options.Policy = "balanced",
    margin: options.Margin = "",
    keep_layers: options.KeepLayers = "",
    base: options.Base = "",
    include: options.Include = None,
    exclude: options.Exclude = None,
    include_bin: options.IncludeBin = None,
    include_package: options.IncludePackage = None,
    include_shell: options.IncludeShell = False,
    keep_file: options.KeepFile = None,
    licences: options.Licences = True,
    package_data: options.PackageData = True,
    labels: options.Labels = True,
) -> dict[str, Any]:
    """Return the options as keyword arguments for the functions of `slimmer`."""
    return given(locals())
