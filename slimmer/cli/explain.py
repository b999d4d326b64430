"""`slimmer explain`: show why a path is or is not in the slim image, what takes the space, and what was not proven or exercised.

It reads the artifacts of a build.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from slimmer.report.explanation import Explanation
    from slimmer.report.sizes import Share, Sizes
    from slimmer.report.unexercised import UnexercisedReport
    from slimmer.report.unproven import UnprovenReport

EPILOG = """Examples:

  slimmer explain myapp /usr/lib/ssl/openssl.cnf

  slimmer explain slimmer-out/myapp /srv/templates --format json

  slimmer explain myapp --why-size --top 20

  slimmer explain myapp --unproven

  slimmer explain myapp --unexercised

Exit codes: 0 explained, 2 usage error, 3 the original has no such path."""

DROPPED = "nothing looked at it while the app was observed, and no rule of the policy {} leads to it"


def explain(
    image_or_out: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|OUT",
            help="The name of the slim image or of the original, or the output folder of the build.",
            show_default=False,
        ),
    ],
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="A path in the original image. With --why-size: a folder.", show_default=False
        ),
    ] = "",
    why_size: Annotated[
        bool,
        typer.Option(
            "--why-size", help="List what takes the most space, by rule, package, folder and file.", metavar=""
        ),
    ] = False,
    unproven: Annotated[
        bool,
        typer.Option(
            "--unproven",
            help="List what the build did not prove: parts of the original that nothing exercised and that may be missing.",
            metavar="",
        ),
    ] = False,
    unexercised: Annotated[
        bool,
        typer.Option(
            "--unexercised",
            help="List the app's own modules, templates and executables that nothing touched, and what was exercised.",
            metavar="",
        ),
    ] = False,
    top: Annotated[int, typer.Option("--top", help="Number of entries in each list.", min=1, metavar="N")] = 10,
    output_format: Annotated[
        str, typer.Option("--format", help="Format of the explanation on stdout: text or json.", metavar="FORMAT")
    ] = "text",
) -> None:
    """Explain why a path is in the slim image, or how to keep it.

    Reads the artifacts that `slimmer build` wrote. Needs no engine.
    """
    import slimmer
    from slimmer.api import words
    from slimmer.errors import UsageError

    form = words.choice("--format", output_format, ("text", "json"))
    if not (path or why_size or unproven or unexercised):
        raise UsageError(
            "explain needs a path, --why-size, --unproven or --unexercised",
            hint="For example: slimmer explain myapp /etc/passwd",
        )
    output = slimmer.find_output(image_or_out)
    if unproven:
        items = slimmer.not_proven(output)
        _print_json(_unproven_json(items)) if form == "json" else _print_unproven(items)
        return
    if unexercised:
        report = slimmer.not_exercised(output)
        _print_json(_unexercised_json(report)) if form == "json" else _print_unexercised(report)
        return
    if why_size:
        found = slimmer.sizes(output, path or "/")
        _print_json(_sizes_json(found, top)) if form == "json" else _print_sizes(found, top)
        return
    explanation = slimmer.explain(output, path)
    _print_json(_explanation_json(explanation)) if form == "json" else _print_text(explanation, output.policy)


def _print_json(document: dict[str, Any]) -> None:
    """Print JSON in ASCII, because names in images need not be UTF-8."""
    import json

    print(json.dumps(document, indent=2))


def _explanation_json(explanation: Explanation) -> dict[str, Any]:
    from dataclasses import asdict

    from slimmer.report.explanation import FORMAT

    return {**FORMAT.head, **asdict(explanation)}


def _sizes_json(found: Sizes, top: int) -> dict[str, Any]:
    from dataclasses import asdict

    from slimmer.report.sizes import FORMAT

    shown = {name: value[:top] if isinstance(value, tuple) else value for name, value in asdict(found).items()}
    return {**FORMAT.head, **shown}


def _unproven_json(found: UnprovenReport) -> dict[str, Any]:
    from dataclasses import asdict

    from slimmer.report.unproven import FORMAT

    return {**FORMAT.head, **asdict(found)}


def _unexercised_json(found: UnexercisedReport) -> dict[str, Any]:
    from dataclasses import asdict

    from slimmer.report.unexercised import FORMAT

    return {**FORMAT.head, **asdict(found)}


def _say(text: str, indent: int = 0) -> None:
    """Print a line of plain text. As markup, it would lose backslashes before brackets, which occur in patterns."""
    from slimmer.cli.console import data, printable

    data.print(" " * indent + printable(text).replace("\n", "\\n"), markup=False, highlight=False, emoji=False)


def _print_text(explanation: Explanation, policy: str) -> None:
    from slimmer.formatting import human_size

    word = "kept" if explanation.kept else "dropped"
    packages = [" ".join(filter(None, (p.manager, p.name, p.version))) for p in explanation.packages]
    size = human_size(explanation.size) if explanation.kind in ("file", "directory") else ""
    if explanation.kept and explanation.kind == "directory":
        size = f"{human_size(explanation.kept_size)} of {size}"
    _say(f"{word}: {explanation.path} ({', '.join(filter(None, (explanation.kind, size, *packages)))})")
    for link in explanation.links:
        _say(f"through the link {link.path} -> {link.target}" + ("" if link.kept else ", which is dropped"), 2)
    _print_kept(explanation) if explanation.kept else _print_dropped(explanation, policy)


def _print_kept(explanation: Explanation) -> None:
    for depth, step in enumerate(explanation.chain):
        _say(f"{step.path + ', ' if depth else ''}because {step.reason}", 2 + 2 * depth)
    told = {step.reason for step in explanation.chain[:1]}
    others = [reason for reason in explanation.reasons if reason not in told]
    if others:
        _say("also:", 2)
    for reason in others:
        _say(str(reason), 4)
    _print_accesses(explanation)


def _print_dropped(explanation: Explanation, policy: str) -> None:
    if explanation.excluded:
        _say(f"excluded by --exclude {explanation.excluded}", 2)
    elif not explanation.accesses:
        _say(DROPPED.format(policy), 2)
    _print_accesses(explanation)
    kept, total = explanation.beside
    _say(f"{kept} of the {total} entries in its folder are kept", 2)
    if explanation.remedies:
        _say("to keep it:", 2)
    for remedy in explanation.remedies:
        _say(remedy, 4)


def _print_accesses(explanation: Explanation) -> None:
    if explanation.accesses:
        _say("the app looked at it:", 2)
    for access in explanation.accesses:
        _say(access, 4)


def _print_sizes(found: Sizes, top: int) -> None:
    from slimmer.formatting import counted, human_size

    _say(f"{human_size(found.total.size)} in {counted(found.total.files, 'file')} below {found.below}")
    for title, shares in (
        ("by rule", found.rules),
        ("by package", found.packages),
        ("by folder", found.folders),
        ("by file", found.files),
    ):
        _say(f"{title}:")
        _print_shares(shares[:top], found.total.size)


def _print_shares(shares: tuple[Share, ...], total: int) -> None:
    from slimmer.formatting import human_size

    for share in shares:
        part = f"{100 * share.size / total:.1f} %" if total else ""
        noun = "file" if share.files == 1 else "files"
        _say(f"{human_size(share.size):>8} {part:>7} {share.files:>6,} {noun:<5}  {share.name}", 2)


def _print_unproven(found: UnprovenReport) -> None:
    if not found.items:
        _say("nothing: slimmer knows of no part that was not exercised and may be missing")
    for item in found.items:
        _say(f"{item.name}: {item.what}")
        if item.remedy:
            _say(item.remedy, 2)


def _print_unexercised(found: UnexercisedReport) -> None:
    from slimmer.unexercised import exercise_lines

    for line in exercise_lines(found.exercised):
        _say(line)
    code = found.unexercised
    if not code.count:
        _say("nothing: slimmer knows of no code of the app that nothing touched")
    for file in code.items:
        _say(f"{file.kind} {file.path}: {f'kept because of {file.rule}' if file.kept else 'dropped'}")
    if code.count > len(code.items):
        _say(f"and {code.count - len(code.items):,} more")
