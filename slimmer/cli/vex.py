"""`slimmer vex`: say which vulnerabilities of the original do not affect the slim image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EPILOG = """Examples:

  grype myapp:latest -o json > scan.json

  slimmer vex myapp --scan scan.json --format table

  slimmer vex myapp --scan scan.json --author security@example.com > myapp.vex.json

  slimmer vex slimmer-out/myapp --scan scan.json --image registry.example/myapp@sha256:… --format cyclonedx > vex.json

Exit codes: 0 written, 2 usage error, or a scan of another image, or nothing that could be stated."""

FORMATS = ("openvex", "cyclonedx", "table", "json")


def vex(
    image_or_out: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|OUT",
            help="The name of the slim image or of the original, or the output folder of the build.",
            show_default=False,
        ),
    ],
    scan: Annotated[
        Path,
        typer.Option(
            "--scan",
            help="The scan of the original: the JSON of Grype (-o json) or Trivy (--format json).",
            metavar="FILE",
            show_default=False,
        ),
    ],
    output_format: Annotated[
        str,
        typer.Option(
            "--format",
            help="What to print to stdout: a VEX document (openvex or cyclonedx), or all findings (table or json).",
            metavar="FORMAT",
        ),
    ] = "openvex",
    author: Annotated[
        str,
        typer.Option(
            "--author",
            help="The person or organization that makes the statements. Without it, the document says that the author is unknown.",
            metavar="NAME",
            show_default=False,
        ),
    ] = "",
    image: Annotated[
        str,
        typer.Option(
            "--image",
            help="The slim image as it is in the registry, with its digest: NAME@sha256:… Without it, the document names the image by its ID.",
            metavar="NAME",
            show_default=False,
        ),
    ] = "",
    force: Annotated[
        bool, typer.Option("--force", help="Read the scan even if it names another image.", metavar="")
    ] = False,
) -> None:
    """Say which vulnerabilities went away with their packages.

    A finding is gone if the slim image has no file of its package. The VEX document lists these as not affected, because the component is not
    present. It says nothing about packages of which anything is left, whether the app uses them or not.

    Reads the artifacts that `slimmer build` wrote. Needs no engine and no vulnerability database.
    """
    import slimmer
    from slimmer.api import words
    from slimmer.cli.console import data, one_line, talk
    from slimmer.report.vulnerabilities import as_table, summary
    from slimmer.report.vulnerability_document import as_json

    form = words.choice("--format", output_format, FORMATS)
    output = slimmer.find_output(image_or_out)
    if form in ("openvex", "cyclonedx"):
        print(slimmer.vex(output, scan, format=form, author=author, image=image, force=force))
        return
    found = slimmer.vulnerabilities(output, scan, force=force)
    if form == "json":
        print(as_json(found))
        return
    data.print(as_table(found, " → ".join(output.images)))
    for line in summary(found):
        talk.print(one_line(line), highlight=False)
