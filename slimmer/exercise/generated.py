"""Send generated requests: those that slimmer made itself, and the same again to another run of the app.

Each source of such requests ("crawl", "browser", "openapi", "graphql") knows how to find them, and returns a GeneratedSet and answers. What is done with both does not
depend on the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slimmer.exercise.client import KEPT_BODY_LIMIT, Reply, Trouble, ask
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.port_probe import LAST_BREATH, SUSPICIOUS
from slimmer.exercise.port_sweep import PortSweep
from slimmer.exercise.request import Request
from slimmer.exercise.result import Answer
from slimmer.exercise.verdict import judge
from slimmer.formatting import counted

SIZE = 8 << 20
"""The bytes of an answer that are read. It is the same in every run, so that answers that are cut can be compared."""

CHAINED = frozenset(("browser", "openapi", "graphql"))
"""Sources whose requests build on each other, as those of a scenario do: cookies are kept, and IDs are taken from answers."""


def ask_generated(
    context: ExerciseContext,
    request: Request,
    port: int,
    scheme: str,
    timeout: float,
    kept: int = KEPT_BODY_LIMIT,
    session: Conversation | None = None,
) -> Reply:
    """Send a generated request to a port of the app, and wait at most `timeout` seconds for the whole answer.

    The first `kept` bytes are in `Reply.start`. With a `session`, the request has its cookies; what the answer sets is not kept.
    """
    if session is not None:
        request = session.joined_by(request, scheme)
    endpoint = context.subject.endpoint(port)
    return ask(request, endpoint, port, scheme=scheme, timeout=timeout, size_limit=SIZE, kept=kept)


def is_whole(reply: Reply) -> bool:
    """Return True if the answer came to its end, or was cut only because of its size. The same can be expected of another run."""
    return not reply.trouble and (not reply.truncated or reply.size >= SIZE)


def covering(requests: int) -> str:
    """Return what the requests that are kept stand for, in words."""
    if not requests:
        return "they opened nothing new"
    return f"{counted(requests, 'request')} {'covers' if requests == 1 else 'cover'} what they opened"


def await_exit(context: ExerciseContext, replies: Iterable[Reply]) -> None:
    """If a connection broke, give the app a moment to exit, so that this is known afterwards."""
    if any(reply.trouble in SUSPICIOUS for reply in replies):
        context.pause(LAST_BREATH)


def ask_again(context: ExerciseContext, sweep: PortSweep, wanted: Iterable[tuple[int, Request]]) -> Iterator[Answer]:
    """Send the requests that another run answered, one after the other. Ports that do not speak HTTP now are left out.

    Raises AppFailed if the app exits meanwhile, and ObservationIncomplete if the probe that watches it does not answer.
    """
    talks: dict[int, Conversation] = {}
    timeout = context.mode.request_timeout
    for port, request in wanted:
        if not (scheme := sweep.scheme(port)):
            continue
        session = None if request.session is None else sweep.conversation(port, request.session)
        if request.source in CHAINED:
            talk, endpoint = talks.setdefault(port, Conversation(port)), context.subject.endpoint(port)
            reply = talk.ask(request, endpoint, scheme, timeout, size_limit=SIZE, session=session)
        else:
            reply = ask_generated(context, request, port, scheme, timeout, session=session)
            reply = reply if session is None else session.hidden(reply)
        await_exit(context, [reply])
        if reply.trouble is Trouble.SILENT:
            context.subject.check_observed()
        context.check_running(f"while {request.method} {request.path} was sent again")
        yield context.within_room(judge(request, port, reply))
