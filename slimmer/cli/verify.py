"""`slimmer verify`: does one image do what another does?"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from slimmer.cli import options
from slimmer.cli.run_options import asks

EPILOG = """Examples:

  slimmer verify myapp:latest myapp:slim

  slimmer verify myapp:latest myapp:slim --probe-file probes.yaml --exec 'myapp --self-test'

Exit codes: 0 the same, 2 usage, 3 no such image, 4 engine, 5 the first image's app did not start, 6 a probe failed on it,
7 observation incomplete, 8 there are differences, 130 interrupted."""


@asks
def verify(
    before: Annotated[str, typer.Argument(metavar="BEFORE", help="The image as it should be.", show_default=False)],
    after: Annotated[str, typer.Argument(metavar="AFTER", help="The image to check.", show_default=False)],
    quiet: options.Quiet = False,
    *,
    asked: dict[str, Any],
) -> None:
    """Check that AFTER holds nothing that BEFORE does not, has the same configuration and gives the same answers.

    A path that only BEFORE has is no difference. Differences are printed to stdout, one per line.
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
            hint="Each line says what differs. `slimmer compare` shows both images side by side.",
        )
