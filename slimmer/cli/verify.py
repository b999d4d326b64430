"""`slimmer verify`: check that one image behaves like another."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from slimmer.cli import options
from slimmer.cli.run_options import asks

EPILOG = """Examples:

  slimmer verify myapp:latest myapp:slim

  slimmer verify myapp:latest myapp:slim --probe-file probes.yaml --exec 'myapp --self-test'

Exit codes: 0 no differences, 2 usage error, 3 no such image, 4 engine error, 5 the app of BEFORE did not start, 6 a probe failed
on BEFORE, 7 incomplete observation, 8 the images differ, 130 interrupted."""


@asks
def verify(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="The original image.", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The image to check.", show_default=False)],
    quiet: options.Quiet = False,
    *,
    asked: dict[str, Any],
) -> None:
    """Check that AFTER has the same configuration and gives the same answers as BEFORE, and has no other files.

    The metadata of packages that `slimmer build` adds to a slim image may be there.
    Files that only BEFORE has do not count. Differences are printed, one per line.
    """
    import slimmer
    from slimmer.cli.console import TerminalProgress, printable
    from slimmer.errors import VerificationFailed
    from slimmer.formatting import counted

    with TerminalProgress(quiet) as on_event:
        differences = slimmer.verify(before, after, on_event=on_event, **asked).differences
    for difference in differences:
        print(printable(str(difference)))
    if differences:
        raise VerificationFailed(
            f"{after} differs from {before}: {counted(len(differences), 'difference')}",
            hint="Each line shows both values. `slimmer compare` shows the images side by side.",
        )
