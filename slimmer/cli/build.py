"""`slimmer build`: the main road, from an image to its slim twin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from slimmer.cli import options
from slimmer.cli.keep_options import choice
from slimmer.cli.option_groups import shares
from slimmer.cli.run_options import asked

if TYPE_CHECKING:
    from slimmer.cli.keep_options import Choice
    from slimmer.pipeline.request import ObserveRequest

EPILOG = """Examples:

  slimmer build myapp:latest

  slimmer build myapp:1.4 --probe 'GET /health' --probe-file probes.yaml --tag myapp:1.4-slim

  slimmer build mytool:latest --cmd '["--version"]'

  slimmer build shop:2 --cmd 'gunicorn app' --cmd 'celery worker' --cmd './manage.py migrate' --until 20

  slimmer build myapp:latest --access unit-tests.json --access staging.json

  slimmer build myapp:latest --verify-as 1000680000:0 --verify-read-only

Exit codes: 0 built and verified, 2 usage, 3 no such image, 4 engine, 5 the app did not start, 6 a probe failed,
7 observation incomplete, 8 verification failed, 9 build failed, 10 output folder, 130 interrupted."""


@shares(asked=asked, choice=choice)
def build(
    target: options.Target,
    tag: options.Tag = "",
    out: options.Out = None,
    builder: options.Builder = "",
    verify: options.Verify = True,
    repair: options.Repair = 2,
    verify_as: options.VerifyAs = None,
    verify_read_only: options.VerifyReadOnly = False,
    output_format: options.OutputFormat = "text",
    quiet: options.Quiet = False,
    *,
    choice: Choice,
    access: options.Access = None,
    rebase: options.Rebase = False,
    observe: options.Observe = True,
    reuse: options.Reuse = False,
    asked: ObserveRequest,
) -> None:
    """Make a small image that does the same as TARGET, and prove it.

    Runs TARGET under a file-access probe while requests and commands exercise it, keeps what was used, rebuilds a minimal
    image from that, and checks that it holds and answers the same. Nothing is tagged before it was seen working.
    """
    from slimmer.cli import parse
    from slimmer.cli.console import TerminalProgress
    from slimmer.pipeline.build import build as run_pipeline
    from slimmer.pipeline.request import BuildRequest

    request = BuildRequest(
        target=target,
        options=asked.options,
        commands=asked.commands,
        plan=asked.plan,
        recorder=asked.recorder,
        runs=asked.runs,
        pull=asked.pull,
        tag=tag,
        out=out,
        policy=choice.policy,
        selection=choice.selection,
        builder=parse.choice("--builder", builder, ("", "dockerfile", "load")),
        verify=verify,
        repair=repair,
        access=tuple(parse.access_log(path) for path in access or ()),
        rebase=rebase,
        observe=observe,
        reuse=reuse,
        verify_as=tuple(parse.user("--verify-as", text) for text in verify_as or ()),
        verify_read_only=verify_read_only,
    )
    form = parse.choice("--format", output_format, ("text", "json"))
    result = run_pipeline(request, TerminalProgress(quiet or form == "json"))
    _show(result.report, form, quiet)


def _show(report: dict[str, Any], form: str, quiet: bool) -> None:
    """Data on stdout: the report, or the tag of the image; the table is talk."""
    from slimmer.cli.console import talk
    from slimmer.pipeline.report import as_json, as_table

    if form == "json":
        print(as_json(report))
        return
    if not quiet:
        talk.print(as_table(report))
    print(report["slim"]["tag"])
