"""`slimmer attest`: print the attestation of a build."""

from __future__ import annotations

from typing import Annotated

import typer

EPILOG = """Examples:

  slimmer attest shop > shop.intoto.json

  slimmer attest shop --predicate > shop.predicate.json

  cosign attest --key cosign.key --type https://slimmer.io/attestation/build/v1 --predicate shop.predicate.json registry.example/shop@sha256:…

Exit codes: 0 printed, 2 usage error: there is no such build, it was not verified, or its files were changed."""


def attest(
    image_or_out: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|OUT",
            help="The name of the slim image or of the original, or the output folder of the build.",
            show_default=False,
        ),
    ],
    predicate: Annotated[
        bool,
        typer.Option(
            "--predicate", help="Print only the predicate, as `cosign attest --predicate` takes it.", metavar=""
        ),
    ] = False,
) -> None:
    """Print an in-toto statement about a verified slim image: its original, what was exercised and compared, and digests.

    It is made of the output folder alone, so the same folder always gives the same statement. slimmer does not sign it.
    """
    import slimmer
    from slimmer.report.attestation import as_json

    statement = slimmer.attest(image_or_out)
    print(as_json(statement["predicate"] if predicate else statement), end="")
