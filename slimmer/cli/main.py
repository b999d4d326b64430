"""The entry point. It lists the commands, and it alone turns errors into messages and exit codes.

Commands import what they need when they run, so that `slimmer --help` answers at once.
"""

from __future__ import annotations

import atexit
import contextlib
import errno
import gc
import inspect
import os
import re
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import Annotated, NoReturn

import typer

from slimmer.cli import (
    attest,
    build,
    clean,
    compare,
    doctor,
    explain,
    keep,
    observe,
    probe,
    rebuild,
    sbom,
    settings,
    streams,
    verify,
    vex,
)
from slimmer.errors import Interrupted, OutputError, ResourcesExhausted, SlimmerError, UsageError

OBJECTS = 50_000
"""The new objects after which Python looks for cycles. slimmer makes millions of objects and hardly any cycle."""

SCARCE = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)

app = typer.Typer(
    name="slimmer",
    help="Make container images small without breaking them: run the image, watch it, keep what it uses, rebuild it, and verify that it works.",
    epilog="To start: slimmer build myapp:latest",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


probes = typer.Typer(name="probe", help=probe.HELP, no_args_is_help=True)


def _add(name: str, command: Callable[..., None], more: str = "", to: typer.Typer = app) -> None:
    """Add a command. Join the lines of its docstring, so that each paragraph fills the terminal.

    `more` has examples and exit codes. The examples follow the description, above the options.
    """
    words = re.sub(r"(?<!\n)\n(?!\n)", " ", inspect.getdoc(command) or "")
    examples, _, codes = more.rpartition("\n\n")
    lines = (
        f"\n\n\b\n{examples.replace(f'{chr(10)}{chr(10)}', chr(10))}" if examples else ""
    )  # \b keeps the line breaks
    to.command(name, help=words + lines, epilog=codes or None)(command)


_add("build", build.build, build.EPILOG)
_add("observe", observe.observe, observe.EPILOG)
_add("keep", keep.keep, keep.EPILOG)
_add("rebuild", rebuild.rebuild, rebuild.EPILOG)
_add("verify", verify.verify, verify.EPILOG)
_add("compare", compare.compare, compare.EPILOG)
_add("vex", vex.vex, vex.EPILOG)
_add("explain", explain.explain, explain.EPILOG)
_add("sbom", sbom.sbom, sbom.EPILOG)
_add("attest", attest.attest, attest.EPILOG)
_add("check", probe.check, probe.CHECK_EPILOG, probes)
_add("validate", probe.validate, probe.VALIDATE_EPILOG, probes)
_add("record", probe.record, probe.RECORD_EPILOG, probes)
app.add_typer(probes)
_add("clean", clean.clean)
_add("doctor", doctor.doctor)


def _show_version(asked: bool) -> None:
    if asked:
        from slimmer.probe_binary import probe_version
        from slimmer.version import __version__

        print(f"slimmer {__version__} ({probe_version()})")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the versions of slimmer and its probe.",
            metavar="",
            is_eager=True,
            callback=_show_version,
        ),
    ] = False,
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose",
            "-v",
            count=True,
            show_default=False,
            metavar="",
            help="Log what slimmer does to stderr: -v, or -vv for more. Goes before the command.",
        ),
    ] = 0,
) -> None:
    """Handle the options that come before the command."""
    settings.refuse_variables(context)
    if verbose:
        import logging

        from slimmer.cli.console import show_diagnostics

        show_diagnostics(logging.DEBUG if verbose > 1 else logging.INFO)


def run() -> NoReturn:
    """Run the command line and exit. Every SlimmerError ends here, as a message, a hint and an exit code."""
    gc.set_threshold(OBJECTS)
    streams.install()
    _handle_signals()
    _leave(_ran())


def _leave(code: int) -> NoReturn:
    """End the process at once. Python would first free millions of objects, one by one, which takes a tenth of a build's CPU time.

    This is safe because all threads are daemons, and whatever must end in order has ended: containers and files are managed by
    context managers, and the rest by functions registered with atexit.
    """
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        if sys.stderr is not None:
            sys.stderr.flush()
    os._exit(code)


def _ran() -> int:
    """Run the command, flush stdout and return the exit code."""
    try:
        code = _command()
    except Exception as error:
        named = _exhausted(error) or error
        if not isinstance(named, SlimmerError):
            raise
        _ignore_signals()
        _complain(named)
        code = named.exit_code
    try:
        streams.flush()
    except OutputError as error:
        _complain(error)
        code = code or error.exit_code
    return code


def _command() -> int:
    try:
        code = app(
            prog_name="slimmer", standalone_mode=False
        )  # None, or what typer would have exited with: it takes interrupts for itself
        if code == Interrupted.exit_code:
            raise KeyboardInterrupt
        _ignore_signals()
        return code or 0
    except (KeyboardInterrupt, typer.Abort) as error:
        _ignore_signals()
        raise Interrupted("interrupted") from error
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        if not error.format_message():  # no argument at all: the help was shown
            return UsageError.exit_code
        raise _usage(error) from error


def _exhausted(error: BaseException) -> ResourcesExhausted | None:
    """Return ResourcesExhausted if the error or one of its causes is a lack of memory, descriptors or threads, or else None."""
    cause: BaseException | None = error
    while cause is not None:
        no_thread = isinstance(cause, RuntimeError) and "can't start new thread" in str(cause)
        if no_thread or isinstance(cause, MemoryError) or getattr(cause, "errno", None) in SCARCE:
            return ResourcesExhausted(f"slimmer lacks memory, open files or threads: {cause or type(cause).__name__}")
        cause = cause.__cause__ or cause.__context__
    return None


def _usage(error: Exception) -> UsageError:
    """Turn one of click's usage errors into a UsageError."""
    context = getattr(error, "ctx", None)
    hint = f"`{context.command_path} --help` shows every option." if context else None
    if context and getattr(error, "option_name", "") == "-v":
        hint = f"-v goes before the command: slimmer -v {context.info_name}"
    return UsageError(error.format_message(), hint=hint)  # type: ignore[attr-defined]


def _complain(error: SlimmerError) -> None:
    from slimmer.cli.console import talk, told

    talk.print(f"[bold red]error:[/] {told(error.message)}", highlight=False)
    if error.hint:
        talk.print(f"[bold]hint:[/] {told(error.hint)}", highlight=False)


class _Stop(KeyboardInterrupt):
    """The exception that a signal raises.

    If a plain KeyboardInterrupt comes while Python executes a string (dataclasses do that when they are defined), Python later
    ends itself by SIGINT, although the exception was caught: CPython notes it in run_eval_code_obj (pythonrun.c).
    """


def _handle_signals() -> None:
    """Make signals that end the process raise _Stop, so that slimmer cleans up. Ignore SIGUSR1 (`--until signal`) at other times."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as nohup(1) and shells' & set it
            signal.signal(number, _terminate)
    if hasattr(signal, "SIGUSR1"):
        signal.signal(signal.SIGUSR1, lambda number, frame: None)


def _ignore_signals() -> None:
    """Ignore Ctrl-C now that the work is done. It must change neither the messages nor the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    """Handle SIGTERM and SIGHUP like Ctrl-C: clean up, then exit."""
    raise _Stop


if __name__ == "__main__":
    run()
