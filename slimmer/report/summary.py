"""The summary of a build, as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slimmer.formatting import counted, human_size

if TYPE_CHECKING:
    from rich.table import Table


def as_table(report: Mapping[str, Any]) -> Table:
    """Return the table of a report.json: before, after, ratio, paths and the time of each stage."""
    from rich.table import Table

    before, after = report["target"], report["slim"]
    table = Table(title=f"{before['name']} → {after['tag'] or 'untagged'}", title_justify="left")
    table.add_column("", overflow="fold")
    for heading in ("before", "after", "ratio"):
        table.add_column(heading, justify="right", overflow="fold")
    ratio = f"{before['size'] / after['size']:.1f}x smaller" if after["size"] else "-"
    table.add_row("size", human_size(before["size"]), human_size(after["size"]), ratio)
    files = f"{before['paths'] / after['paths']:.1f}x fewer" if after["paths"] else "-"
    table.add_row("paths", f"{before['paths']:,}", f"{after['paths']:,}", files)
    if own := report.get("own_layers"):
        layers = counted(len(own["layers"]), "layer")
        table.add_row(f"{layers} whole", "", human_size(own["size"]), counted(own["files"], "file"))
    if margin := report.get("margin"):
        table.add_row(f"margin {margin['amount']}", "", human_size(margin["size"]), counted(margin["files"], "file"))
    table.add_section()
    table.add_row("verified", "", "yes" if report["verification"]["verified"] else "no", "")
    for stage in report["stages"]:
        table.add_row(stage["name"], "", f"{stage['seconds']:.2f} s", "")
    return table
