"""The stages alone: observe an image or a running container, decide what to keep and pack it, build a packed folder.

Each takes files or images and leaves files; a build (slimmer.pipeline.build) does the same in one go. How two images are held
against each other alone is slimmer.pipeline.compare_images.
"""

from __future__ import annotations

import os
import tarfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from slimmer.artifacts.package_file import package_document
from slimmer.engine import builds, images, running
from slimmer.engine.connection import connect
from slimmer.engine.description import risk
from slimmer.engine.options import RunOptions
from slimmer.engine.resources import EngineResources
from slimmer.errors import UnsupportedEngine, UsageError
from slimmer.exercise.plan import Until
from slimmer.exercise.until import End
from slimmer.image import reference
from slimmer.interrupts import finish
from slimmer.keep import registry
from slimmer.keep.analyzer import Policy
from slimmer.keep.keeper import keep
from slimmer.keep.selection import Selection
from slimmer.observe.identity import home_of
from slimmer.observe.log import AccessLog, write_log
from slimmer.observe.merge import check_complete, check_image, merge, rebased
from slimmer.output_folder import OutputFolder
from slimmer.pipeline.artifacts import write_artifacts
from slimmer.pipeline.observation import LOG_NAME, all_moved, observe_all, taken_over
from slimmer.pipeline.report import keep_report
from slimmer.pipeline.request import ObserveRequest, Progress
from slimmer.pipeline.scenario import scenarios
from slimmer.pipeline.session import cannot_be_kept, open_session
from slimmer.probe_binary import probe_path
from slimmer.rebuild import dockerfile
from slimmer.rebuild.image import DOCKERFILE, mark_unverified, write_dockerfile
from slimmer.rebuild.rootfs import NAME as ROOTFS
from slimmer.runs.start import attached_run

JSON_SUFFIX = ".json"
FOLDER_HINT = "`slimmer build` and `slimmer keep` write such a folder."
UNSEEN = "`slimmer keep` packed this, and made no image of it."
"""What the Dockerfile says of that."""

POLL = 0.05
"""Seconds at most between two looks whether the user has seen enough."""

ROOTLESS_HINT = "Fanotify needs root. `slimmer observe IMAGE` works here: it runs the image itself."


@dataclass(frozen=True, slots=True)
class Kept:
    """What `keep` came to: paths of the image, paths that stay, and bytes of their contents."""

    image: str
    paths: int
    kept: int
    size: int


def observe_image(request: ObserveRequest, out: Path, progress: Progress) -> Path:
    """Observe an image and write its log, to a file or as access.json into a folder; returns the file's path.

    Raises AppFailed, ExerciseFailed, ObservationIncomplete or OutputError.
    """
    folder, name = _place(out)
    first = scenarios(request)[0].options
    with (
        open_session(request.target, first, request.recorder, pull=request.pull) as session,
        OutputFolder(folder, for_one_file=True, tell=session.scope.lifeline.folder) as output,
    ):
        if text := risk(request.options):
            progress.warn(text)
        with progress.stage("observe"):
            log, scenario_runs = observe_all(request, session, progress.note)
        for scenario_run in scenario_runs:
            for text in scenario_run.observed.exercised.warnings:
                progress.warn(scenario_run.scenario.named(text))
        with output.writing_text(name) as file:
            write_log(log, file)
    return folder / name


def observe_container(container: str, out: Path, until: Until, seconds: float, progress: Progress) -> Path:
    """Watch a running container from outside, and write its log as `observe_image` does; nothing is done to it.

    Until.EXIT is the end of the container; with any other it is the latest. Ctrl-C is an end, too, and no interrupt.
    Raises TargetNotFound, UnsupportedEngine, ObservationIncomplete or OutputError.
    """
    folder, name = _place(out)
    with ExitStack() as stack:
        engine = connect()
        stack.callback(engine.close)
        if engine.rootless:
            raise UnsupportedEngine("a rootless engine cannot watch a running container", hint=ROOTLESS_HINT)
        found = running.find(engine, container)
        scope = stack.enter_context(EngineResources(engine))
        output = stack.enter_context(OutputFolder(folder, for_one_file=True, tell=scope.lifeline.folder))
        run = stack.enter_context(attached_run(scope, found, probe_path(engine.architecture), "attached"))
        end = stack.enter_context(End(until, seconds, interrupts=True))
        progress.note(f"watching {found.name}; {_how_to_end(end)}")
        with progress.stage("observe"):
            while not (run.over or end.over()):
                run.wait(POLL)
            log = run.finish(found.image_id)
        if run.has_ended:
            progress.note(f"{found.name} has ended")
        with output.writing_text(name) as file:
            write_log(log, file)
        progress.warn(
            f"{log.unseen} is not in the log, nor what was read before and is not open any more: "
            f"join it with an observed run (`slimmer build IMAGE --access {folder / name}`)"
        )
    return folder / name


def _place(out: Path) -> tuple[Path, str]:
    """The folder and the name of an access log: `out` is its file, or a folder for an access.json."""
    return (out.parent, out.name) if out.suffix == JSON_SUFFIX else (out, LOG_NAME)


def _how_to_end(end: End) -> str:
    """In words, how the user ends it."""
    ways = {
        Until.SIGNAL: f"`kill -USR1 {os.getpid()}` or Ctrl-C ends that",
        Until.ENTER: "Enter or Ctrl-C ends that",
        Until.SECONDS: f"for {end.seconds_left:.0f} s, or until Ctrl-C",
    }
    return f"{ways.get(end.until, 'Ctrl-C ends that')}, and writes the log"


def keep_from(
    logs: Sequence[AccessLog], target: str, out: Path, policy: Policy, selection: Selection, progress: Progress
) -> Kept:
    """Decide what to keep of the logs' image (or of `target`, to which they are taken over) and pack it into a folder.

    Writes Dockerfile, rootfs.tar, manifest, tree, packages, the joined log and a report; no image is made.
    Raises UsageError for logs that do not fit together or are incomplete, PluginFailed for an analyzer that cannot be used.
    """
    registry.evidence()  # an analyzer that cannot be used is told at once
    check_complete(logs)
    image = target or merge(logs).image_id
    # The command does not matter here, as nothing is run but the question who the app's user is.
    with (
        open_session(image, RunOptions(cmd=("true",))) as session,
        OutputFolder(out, tell=session.scope.lifeline.folder) as folder,
    ):
        log = merge([rebased(log, session.config.image_id) if target else log for log in logs])
        check_image(log, session.config.image_id)
        session.sandbox.warm()
        pristine, own = session.open_image()
        for text in cannot_be_kept(own):
            progress.warn(text)
        if foreign := [log for log in logs if log.image_id != session.config.image_id]:
            progress.note(taken_over(all_moved(foreign, own.tree)))
        context = session.context(own, pristine, log, home_of(session.identity()), selection)
        with progress.stage("keep"):
            kept = keep(context, policy)
        with progress.stage("pack"):
            rootfs = session.pack(own, pristine, kept, folder, progress.note)
            builder = session.choose_builder("", own, kept)
            write_dockerfile(session.config, builder, folder)
        if builder.name != DOCKERFILE:
            progress.warn(
                f"{builder.reason}: `slimmer build` keeps that, `slimmer rebuild` and `docker build` leave it out or refuse"
            )
        packages = package_document(own.tree, context.packages, session.config.image_id)
        for text in session.sandbox.notes():
            progress.warn(text)
        report = keep_report(session.config, own.tree, log, policy, selection, builder)
        write_artifacts(folder, own, kept, rootfs.digests, log, packages, report)
        mark_unverified(folder, UNSEEN)
        finish(folder.publish)
        return Kept(session.config.image_id, len(own.tree), len(kept), rootfs.size)


def rebuild_folder(folder: Path, tag: str) -> str:
    """`docker build` of a folder's Dockerfile and rootfs.tar, to a tag; returns the image's ID. Raises BuildFailed or UsageError."""
    name = reference.checked_tag(tag)
    files = [folder / dockerfile.NAME, folder / ROOTFS]
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise UsageError(f"{missing} is not there", hint=FOLDER_HINT)
    if not tarfile.is_tarfile(folder / ROOTFS):  # the builder would put it into the image as it is
        raise UsageError(f"{folder / ROOTFS} is no archive", hint=FOLDER_HINT)
    foreign = dockerfile.foreign_instruction(files[0].read_text(encoding="utf-8", errors="replace"))
    if foreign:
        raise UsageError(
            f"{files[0]} has a line that slimmer does not write: {foreign[:80]}",
            hint="If you wrote it yourself: `docker build` takes every Dockerfile.",
        )
    engine = connect()
    try:
        with EngineResources(engine) as scope:
            temporary = scope.temporary_tag("rebuilt")
            identifier = builds.build(engine, files, temporary, tell=scope.lifeline.image, making=scope.making)
            images.tag(engine, identifier, name)
            return identifier
    finally:
        engine.close()
