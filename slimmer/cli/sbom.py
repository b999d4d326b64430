"""`slimmer sbom`: print the bill of materials of an image, or of the original or the slim image of a build."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from slimmer import Sbom

EPILOG = """Examples:

  slimmer sbom slimmer-out/myapp

  slimmer sbom slimmer-out/myapp --of original --format cyclonedx > original.cdx.json

  slimmer sbom myapp:slim --format spdx | jq '.packages | length'

Exit codes: 0 printed, 2 usage error, 3 no such image, 4 engine error, 7 more paths than slimmer can index, 130 interrupted."""

FORMATS = ("table", "cyclonedx", "spdx")


def sbom(
    image_or_out: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|OUT",
            help="An image of the engine, or the output folder of a build (then no engine is needed).",
            show_default=False,
        ),
    ],
    output_format: Annotated[
        str,
        typer.Option(
            "--format", help="Format on stdout: table, cyclonedx (1.6, JSON) or spdx (2.3, JSON).", metavar="FORMAT"
        ),
    ] = "table",
    of: Annotated[
        str | None,
        typer.Option(
            "--of",
            help="Which image of an output folder: slim (the default) or original.",
            metavar="original|slim",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.", metavar="")] = False,
) -> None:
    """List the packages of an image: a software bill of materials (SBOM).

    Each package has its version, package URL and licences. For a slim image, the documents also list the kept files of each package with their
    digests. The image is not run.
    """
    import slimmer
    from slimmer.api import words
    from slimmer.cli.console import TerminalProgress

    form = words.choice("--format", output_format, FORMATS)
    with TerminalProgress(quiet) as on_event:
        found = slimmer.sbom(image_or_out, of=of or "", on_event=on_event)
    if form == "table":
        _print_table(found)
    else:
        sys.stdout.writelines(found.cyclonedx() if form == "cyclonedx" else found.spdx())


def _print_table(found: Sbom) -> None:
    """Print a line for each package. Names come from the image: they are escaped, and a line break in one ends no line."""
    from slimmer.formatting import printable

    rows = [("TYPE", "NAME", "VERSION", "FILES", "LICENCES")]
    for package in found.packages:
        files = str(package.files) if package.kept is None else f"{package.kept} of {package.files}"
        texts = (package.manager, package.name, package.version, files, ", ".join(package.licences))
        rows.append(tuple(map(printable, texts)))  # type: ignore[arg-type]  # as many as the texts
    widths = [min(max(len(row[column]) for row in rows), 60) for column in range(4)]
    for row in rows:
        print("  ".join([*(text.ljust(width) for text, width in zip(row, widths, strict=False)), row[4]]).rstrip())
