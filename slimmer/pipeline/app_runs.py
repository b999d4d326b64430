"""Run the app: under the probe, by itself, and again with another image to compare the answers."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol

from slimmer.engine.relay import Ports
from slimmer.errors import AppFailed, EngineError, ExerciseFailed, ObservationIncomplete
from slimmer.exercise.drive import exercise
from slimmer.exercise.expectations import replay_expectations
from slimmer.exercise.mode import WORKER_PATIENCE
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.exercise.ports import FIRST_EPHEMERAL_PORT, lasting_ports
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.result import ExerciseResult
from slimmer.exercise.verdict import failure
from slimmer.exit_codes import KILLED
from slimmer.image.config import ImageConfig
from slimmer.observe.identity import home_of
from slimmer.observe.log import AccessLog
from slimmer.observe.log_files import log_places
from slimmer.observe.records import RecordReader
from slimmer.pipeline.progress import Say
from slimmer.pipeline.session import Session
from slimmer.runs.companions import with_companions
from slimmer.runs.native import NativeRun
from slimmer.runs.start import ask_identity, native_run, watched_run
from slimmer.runs.watched import STOP_TIMEOUT, WatchedRun

logger = logging.getLogger(__name__)

LAST_LOOKS = 2.0
"""Seconds that a stopped app gets for its last look-ups, if it is known not to end by itself."""


SHOWN_LINES = 5
"""The number of lines of log files that an error shows."""


class FileErrors(Protocol):
    """The part of a run that reads log files (slimmer.runs.container_run)."""

    def file_errors(self, places: tuple[str, ...]) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class ScenarioObservation:
    """A watched run: what the app accessed and answered, its identity, whether its ports needed a relay, and where it writes log files."""

    log: AccessLog
    exercised: ExerciseResult
    identity: str
    relayed: bool
    log_places: tuple[str, ...] = ()

    @property
    def home(self) -> str:
        """The user's HOME, or "" if there is none."""
        return home_of(self.identity)


def observe(session: Session, plan: ExercisePlan, say: Say, *, shared: bool = False) -> ScenarioObservation:
    """Run the app under the probe while it is exercised, and stop it as `docker stop` would.

    Raises AppFailed, ExerciseFailed or ObservationIncomplete.
    """
    config = session.config
    identity = identify(session)
    own_command = session.options.cmd is None and session.options.entrypoint is None
    profile = AppProfile(config.ports(), config.ports("udp"), healthcheck(config), own_command)
    with _watched(session, identity, "observed") as (run, ports):
        variables = environment(session)
        exercised = exercise(run, plan, profile=profile, shared=shared, say=say, environment=variables)
        _log_exercise("observed", exercised)
        problem = failure(exercised)
        if problem is not None:
            raise problem
        log = run.finish(config.image_id, config.stop_signal, config.stop_timeout)
        _log_recorders(session.recorder, log)
        if exercised.exit_code is None:
            exercised = dataclasses.replace(exercised, stopped=run.exit_code_at_end())
        places = log_places(log.accesses)
        return ScenarioObservation(log, _with_logged(exercised, run, places), identity, ports.relayed, places)


def environment(session: Session) -> dict[str, str]:
    """Return the variables of the app: the image's own, and those of the user, which may be secrets."""
    entries = (*session.config.env, *session.options.env)
    return {name: value for name, _, value in (entry.partition("=") for entry in entries)}


def identify(session: Session) -> str:
    """Return the app's identity when it runs by itself (docs/probe-protocol.md, "Identity"). Raise AppFailed or EngineError."""
    return ask_identity(session.scope, session.config, session.options, session.probe, session.unique("ask"))


def exercise_alone(
    session: Session, plan: ExercisePlan, log: AccessLog, purpose: str, say: Say, *, shared: bool = False
) -> ScenarioObservation:
    """Exercise the original without the probe, for its answers. `log` already has what it accesses.

    Raises AppFailed or ExerciseFailed.
    """
    lasting = lasting_ports(log.tcp_ports)
    udp = session.config.ports("udp")
    ports = tuple(dict.fromkeys((*lasting, *plan.named_ports, *session.config.ports())))
    if plan.until in (Until.SIGNAL, Until.ENTER, Until.QUIET):  # these only make sense while the app is watched
        plan = dataclasses.replace(plan, until=Until.SECONDS, seconds=plan.seconds or WORKER_PATIENCE)
    relayed = not session.engine.local or session.options.network == "none" or _has_hidden_port(log)
    looks = bool(udp or log.udp_ports)
    identity = identify(session)
    with _native(session, session.config.image_id, identity, ports, purpose, relayed=relayed, udp=looks) as run:
        profile = AppProfile(expected_ports=ports, udp_ports=udp)
        variables = environment(session)
        exercised = exercise(run, plan, profile=profile, shared=shared, say=say, environment=variables)
        _log_exercise(purpose, exercised)
        problem = failure(exercised)
        if problem is not None:
            raise problem
        places = log_places(log.accesses)
        exercised = _with_logged(exercised, run, places)
    return ScenarioObservation(log, exercised, identity, relayed, places)


def replay(
    session: Session,
    image: str,
    plan: ExercisePlan,
    observed: ScenarioObservation,
    purpose: str,
    *,
    shared: bool = False,
) -> tuple[ExerciseResult, str]:
    """Run an image as a user would, repeat the exercise, and return its answers and its health ("none" without a check).

    Raises AppFailed or ExerciseFailed if it does not get that far.
    """
    ports = _lasting_ports(observed, session.config)
    looks = bool(observed.exercised.udp_ports)
    with _native(session, image, observed.identity, ports, purpose, relayed=observed.relayed, udp=looks) as run:
        try:
            expected = replay_expectations(observed.exercised)
            answered = exercise(run, plan, expected, shared=shared, environment=environment(session))
        except AppFailed as error:
            raise _with_last_logged(error, run, observed.log_places) from error
        _log_exercise(purpose, answered)
        has_health = answered.exit_code is None and bool(healthcheck(session.config))
        if shared and not answered.ports:
            has_health = False  # the health check is for the command that listens
        health = run.await_health() if has_health else "none"
        if answered.exit_code is None and observed.exercised.stopped not in (None, KILLED):
            code = run.stop(session.config.stop_signal or "SIGTERM", session.config.stop_timeout or STOP_TIMEOUT)
            answered = dataclasses.replace(answered, stopped=code)
        return _with_logged(answered, run, observed.log_places), health


def replay_watched(
    session: Session,
    image: str,
    plan: ExercisePlan,
    observed: ScenarioObservation,
    purpose: str,
    *,
    shared: bool = False,
) -> AccessLog:
    """Repeat the exercise with an image under the probe, to record its failed look-ups. Failures of the app are ignored."""
    reader = RecordReader()
    if command := healthcheck(session.config):
        plan = dataclasses.replace(plan, exec_commands=(*plan.exec_commands, command))
    with (
        suppress(AppFailed, ExerciseFailed, ObservationIncomplete),
        _watched(session, observed.identity, purpose, image, reader) as (run, _),
    ):
        expected = replay_expectations(observed.exercised)
        exercise(run, plan, expected, shared=shared, environment=environment(session))
        ends = observed.exercised.stopped != KILLED
        run.finish(image, session.config.stop_signal, session.config.stop_timeout if ends else LAST_LOOKS)
    return reader.log(image, complete=reader.ended)


def _with_logged(exercised: ExerciseResult, run: FileErrors, places: tuple[str, ...]) -> ExerciseResult:
    """Add what the app wrote into its log files to the lines that look like errors."""
    lines = dict.fromkeys((*exercised.error_lines, *run.file_errors(places)))
    return dataclasses.replace(exercised, error_lines=tuple(lines))


def _with_last_logged(error: AppFailed, run: FileErrors, places: tuple[str, ...]) -> AppFailed:
    """Add the last of these lines to an error. Often only a log file says why an app has failed."""
    with suppress(EngineError):
        if lines := run.file_errors(places):
            words = "\n".join(lines[-SHOWN_LINES:])
            return type(error)(f"{error.message}\nin its log files:\n{words}", hint=error.hint)
    return error


def _log_recorders(asked: str, log: AccessLog) -> None:
    """Log which recorders ran, and why others did not. The access log has this, too."""
    for recorder in log.recorders:
        state = "on" if recorder.active else "off"
        logger.info(
            "recorder %s (asked for: %s): %s%s",
            recorder.name,
            asked,
            state,
            f", {recorder.reason}" if recorder.reason else "",
        )
    logger.info("%d accesses, listening: %s", len(log.accesses), sorted({*log.tcp_ports, *log.udp_ports}))
    logger.debug("counters: %s", dict(log.counters))


def _log_exercise(purpose: str, exercised: ExerciseResult) -> None:
    """Log the answers and outcomes, but no headers, bodies, arguments or outputs, which may hold secrets."""
    for answer in exercised.answers:
        request, problem = answer.request, f": {answer.problem}" if answer.problem else ""
        path = request.path.partition("?")[0]
        logger.info(
            "%s: %s %s%s: %s, %d bytes, %.3f s%s",
            purpose,
            request.method,
            f"{answer.unix_socket} " if answer.unix_socket else f":{answer.port}",
            path,
            answer.status,
            answer.size,
            answer.seconds,
            problem,
        )
    for outcome in exercised.outcomes:
        logger.info("%s: %s in the %s: exit code %s", purpose, outcome.program, outcome.where, outcome.exit_code)
    if exercised.exit_code is not None:
        logger.info("%s: the app exited with code %d", purpose, exercised.exit_code)


@contextmanager
def _watched(
    session: Session, identity: str, purpose: str, image: str = "", reader: RecordReader | None = None
) -> Iterator[tuple[WatchedRun, Ports]]:
    """Start the app under the probe, with its companions (slimmer.runs.start.watched_run)."""
    scope, config, probe, name = session.scope, session.config, session.probe, session.unique(purpose)
    with (
        with_companions(scope, session.options, session.images, probe, name) as options,
        watched_run(
            scope,
            config,
            options,
            probe,
            identity,
            session.recorder,
            name,
            image=image,
            reader=reader,
            images=session.images,
        ) as started,
    ):
        yield started


@contextmanager
def _native(
    session: Session, image: str, identity: str, ports: tuple[int, ...], purpose: str, *, relayed: bool, udp: bool
) -> Iterator[NativeRun]:
    """Start an image's app as a user would run it, with its companions (slimmer.runs.start.native_run)."""
    scope, config, probe, name = session.scope, session.config, session.probe, session.unique(purpose)
    relay, looking = probe if relayed else None, probe if udp else None
    with (
        with_companions(scope, session.options, session.images, probe, name) as options,
        native_run(scope, config, options, image, ports, relay, name, looking, session.images, probe, identity) as run,
    ):
        yield run


def healthcheck(config: ImageConfig) -> tuple[str, ...]:
    """Return HEALTHCHECK as a command to run in the container, or () if there is none."""
    check = config.healthcheck
    if check is None or check.disabled:
        return ()
    if check.test[0] == "CMD-SHELL":
        return (*(config.shell or ("/bin/sh", "-c")), *check.test[1:])
    return check.test[1:]


def _has_hidden_port(log: AccessLog) -> bool:
    """Return True if the app listened on a port of the loopback only, which needs a relay."""
    addresses: dict[int, set[bool]] = {}
    for listener in log.listeners:
        if listener.protocol != "tcp":
            continue
        loopback = listener.address == "::1" or listener.address.startswith("127.")
        addresses.setdefault(listener.port, set()).add(loopback)
    return any(False not in kinds for kinds in addresses.values())


def _lasting_ports(observed: ScenarioObservation, config: ImageConfig) -> tuple[int, ...]:
    """Return the ports that the slim image must listen on, too: those that answered, are exposed, or were not chosen by the kernel."""
    seen = observed.log.tcp_ports  # the log may come from a test run
    listened = dict.fromkeys(
        (*observed.exercised.ports, *seen)
    )  # exercised ports come first, because there may be too many to try them all
    named = {*observed.exercised.http_ports, *config.ports()}
    return tuple(port for port in listened if port in named or port < FIRST_EPHEMERAL_PORT)
