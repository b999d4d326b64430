"""`slimmer build`: make a slim image and verify it."""

from __future__ import annotations

from typing import Any

from slimmer.cli import options
from slimmer.cli.keep_options import choice
from slimmer.cli.option_groups import given, shares
from slimmer.cli.profile_lines import show_profiles
from slimmer.cli.run_options import asked
from slimmer.cli.unproven_lines import show_unexercised, show_unproven

EPILOG = """Examples:

  slimmer build myapp:latest

  slimmer build myapp:1.4 --probe 'GET /health' --probe-file probes.yaml --tag myapp:1.4-slim

  slimmer build mytool:latest --cmd '["--version"]'

  slimmer build shop:2 --cmd 'gunicorn app' --cmd 'celery worker' --cmd './manage.py migrate' --until 20

  slimmer build --compose-file compose.yaml --compose-service web --compose-exercise tests

  slimmer build myapp:latest --access unit-tests.json --access staging.json

  slimmer build myapp:latest --verify-as 1000680000:0 --verify-read-only

  slimmer build myapp:latest --seccomp strict

Exit codes: 0 built and verified, 2 usage error, 3 no such image, 4 engine error, 5 the app did not start, 6 a probe failed,
7 incomplete observation, 8 verification failed, 9 build failed, 10 cannot write the output, 130 interrupted."""


@shares(asked=asked, choice=choice)
def build(
    target: options.OptionalTarget = "",
    tag: options.Tag = "",
    out: options.Out = None,
    builder: options.Builder = "",
    seccomp: options.Seccomp = "",
    output_format: options.OutputFormat = "text",
    quiet: options.Quiet = False,
    attest: options.Attest = None,
    *,
    choice: dict[str, Any],
    access: options.Access = None,
    rebase: options.Rebase = False,
    observe: options.Observe = True,
    reuse: options.Reuse = False,
    verify: options.Verify = True,
    repair: options.Repair = 2,
    verify_as: options.VerifyAs = None,
    verify_read_only: options.VerifyReadOnly = False,
    asked: dict[str, Any],
) -> None:
    """Build a slim image that behaves like TARGET, and verify it.

    slimmer runs TARGET under a file-access probe while requests and commands exercise it. It keeps the files that were
    used and builds a minimal image from them. Then it checks that the slim image has the same contents and gives the
    same answers. The image is tagged only after it has passed.
    """
    import slimmer
    from slimmer.api import words
    from slimmer.cli.console import TerminalProgress

    form = words.choice("--format", output_format, ("text", "json"))
    with TerminalProgress(quiet or form == "json") as on_event:
        result = slimmer.build(
            target,
            on_event=on_event,
            tag=tag,
            out=out,
            builder=builder,
            verify=verify,
            repair=repair,
            verify_as=verify_as or (),
            verify_read_only=verify_read_only,
            seccomp=seccomp,
            access=access or (),
            rebase=rebase,
            observe=observe,
            reuse=reuse,
            **given({"attest": attest}),
            **choice,
            **asked,
        )
    _show(result.report, form, quiet)
    quiet = quiet or form == "json"
    show_profiles(result.report, result.folder, quiet=quiet)
    show_unproven(result.unproven, result.folder, quiet=quiet)
    show_unexercised(result.exercised, result.untouched, result.folder, quiet=quiet)


def _show(report: dict[str, Any], form: str, quiet: bool) -> None:
    """Print the report or the image's tag to stdout, and the table to stderr."""
    import json

    from slimmer.cli.console import talk
    from slimmer.report.summary import as_table

    if form == "json":
        print(json.dumps(report, indent=2))
        return
    if not quiet:
        talk.print(as_table(report))
    print(report["slim"]["tag"])
