"""The commands other than `build`, as short sequences of stages: observe, attach, keep, rebuild, verify, compare, clean, doctor.

Each takes a request, reports to `progress`, and returns a result. `docker_host` is the engine's address; "" is the engine that the
docker client would use. When a command returns or raises, it has removed what it made in the engine.
"""

from __future__ import annotations

import dataclasses
import os
import tarfile
from pathlib import Path

from slimmer.engine import builds, images, running
from slimmer.engine.leftovers import Leftovers, find_leftovers, remove_leftovers
from slimmer.engine.resources import EngineResources
from slimmer.errors import UnsupportedEngine, UsageError
from slimmer.exercise.plan import Until
from slimmer.exercise.until import End
from slimmer.image import reference
from slimmer.image.origin_labels import labelled
from slimmer.interrupts import finish
from slimmer.keep.unproven.own_code import untouched_code
from slimmer.observe.identity import home_of
from slimmer.observe.merge import check_complete, check_image, merge, rebased
from slimmer.pipeline.app_runs import identify
from slimmer.pipeline.artifacts import log_file, write_artifacts, write_report
from slimmer.pipeline.candidate import choose_builder, pack, slim_size
from slimmer.pipeline.compare_images import compare_behaviour, compare_files
from slimmer.pipeline.observation import all_moved, taken_over
from slimmer.pipeline.progress import Progress
from slimmer.pipeline.report import keep_report
from slimmer.pipeline.request import (
    AttachRequest,
    CompareRequest,
    KeepRequest,
    ObserveRequest,
    RebuildRequest,
    VerifyRequest,
)
from slimmer.pipeline.result import CleanResult, KeepResult, ObserveResult, RebuildResult, VerifyResult
from slimmer.pipeline.sbom import packages_of, packed_files, write_sboms
from slimmer.pipeline.session import connected
from slimmer.pipeline.stages import open_stages, open_unrun
from slimmer.pipeline.unproven import unproven
from slimmer.pipeline.vulnerabilities import check_scan, judge_images
from slimmer.probe_binary import probe_path
from slimmer.rebuild import dockerfile
from slimmer.rebuild.image import DOCKERFILE, mark_unverified, write_dockerfile
from slimmer.rebuild.rootfs import NAME as ROOTFS
from slimmer.rebuild.rootfs import archived_size
from slimmer.report.comparison import Comparison
from slimmer.report.gate import Condition
from slimmer.report.gates import judge
from slimmer.report.since import since
from slimmer.runs import doctor
from slimmer.runs.check import Check
from slimmer.runs.new_files import find_new_files
from slimmer.runs.start import attached_run
from slimmer.runs.stats import collect_stats
from slimmer.sbom.output import sha1_digests
from slimmer.unexercised import untouched

FOLDER_HINT = "`slimmer build` and `slimmer keep` write such a folder."
UNSEEN = "`slimmer keep` packed this, and built no image of it."
"""The note in the Dockerfile."""

POLL = 0.05
"""The most seconds between two checks if the watch should end."""

ROOTLESS_HINT = "Fanotify needs root. `slimmer observe IMAGE` works here, because it runs the image itself."


def observe(request: ObserveRequest, progress: Progress, docker_host: str = "") -> ObserveResult:
    """Observe an image and write its log.

    Raises AppFailed, ExerciseFailed, ObservationIncomplete or OutputError.
    """
    with (
        open_stages(request, progress, docker_host) as stages,
        log_file(request.out, stages.session.scope.lifeline.folder) as write,
    ):
        log = stages.observe(request).log
        return ObserveResult(log, write(log), progress.warnings)


def attach(request: AttachRequest, progress: Progress, docker_host: str = "") -> ObserveResult:
    """Watch a running container from outside, and write its log. Nothing is done to the container.

    Raises TargetNotFound, UnsupportedEngine, ObservationIncomplete or OutputError.
    """
    stop = request.stop or (lambda: False)
    with connected(docker_host) as engine:
        if engine.rootless:
            raise UnsupportedEngine("a rootless engine cannot watch a running container", hint=ROOTLESS_HINT)
        found = running.find(engine, request.container)
        with (
            EngineResources(engine) as scope,
            log_file(request.out, scope.lifeline.folder) as write,
            attached_run(scope, found, probe_path(engine.architecture), "attached") as run,
            End(request.until, request.seconds, run.quiet) as end,
        ):
            end.watch(asked=True)
            progress.note(f"watching {found.name}{_how_to_end(end)}")
            with progress.stage("observe"):
                while not (run.over or end.over() or stop()):
                    run.wait(POLL)
                log = run.finish(found.image_id)
            if run.has_ended:
                progress.note(f"{found.name} has ended")
            path = write(log)
            for warning in end.warnings():
                progress.warn(warning)
    unseen = f"{log.unseen}. It also lacks " if log.unseen else ""
    progress.warn(
        f"the log lacks {unseen}files that were read and closed before the watch began. "
        f"Join it with an observed run: `slimmer build IMAGE --access {path or 'LOG'}`"
    )
    return ObserveResult(log, path, progress.warnings)


def _how_to_end(end: End) -> str:
    """Return how to end the watch, in words."""
    ways = {
        Until.SIGNAL: f"; `kill -USR1 {os.getpid()}` ends the watch",
        Until.ENTER: "; press Enter to end the watch",
        Until.SECONDS: f" for {end.seconds_left:.0f} s",
        Until.QUIET: f" {end.quiet_words}",
    }
    return ways.get(end.until, "")


def keep(request: KeepRequest, progress: Progress, docker_host: str = "") -> KeepResult:
    """Decide what to keep of the logs' image, or of `rebase`, and pack it into a folder.

    Writes Dockerfile, rootfs.tar, manifest, tree, packages, the joined log and a report. No image is built.
    Raises UsageError for logs that do not fit together or are incomplete, PluginFailed for an analyzer that cannot be used.
    """
    check_complete(request.logs)
    target = request.rebase or merge(request.logs).image_id
    with open_unrun(target, progress, docker_host) as stages, stages.output(request.out) as folder:
        session = stages.session
        config = session.config
        stages.load_analyzers()
        log = merge([rebased(log, config.image_id) if request.rebase else log for log in request.logs])
        check_image(log, config.image_id)
        original = stages.with_layers(stages.read(), target, request.layers)
        stages.warn(original.warnings())
        if foreign := [log for log in request.logs if log.image_id != config.image_id]:
            progress.note(taken_over(all_moved(foreign, original.tree)))
        home = home_of(identify(session))
        stages.read_layers(original)
        view = original.view(log, home, request.selection)
        kept = stages.keep(view, request.policy, margin=request.margin)
        stages.tell_of_kept(view, kept)
        with progress.stage("pack"):
            rootfs = pack(original, kept, folder, progress.note, selection=request.selection, warn=progress.warn)
            slim_config = labelled(config, request.rebase) if request.labels else config
            builder = choose_builder(original, slim_config, "", kept)
            write_dockerfile(slim_config, builder, folder)
        if builder.name != DOCKERFILE:
            progress.warn(
                f"{builder.reason}. `slimmer build` keeps that, but `slimmer rebuild` and `docker build` leave it out or fail"
            )
        packages = packages_of(original)
        stages.warn_of_unreadable()
        items, code = unproven(view, kept), untouched(untouched_code(view, kept))
        report = keep_report(
            config,
            original.tree,
            log,
            request.policy,
            request.selection,
            builder,
            kept.margin,
            items,
            code,
            view.own_layers,
        )
        files = packed_files(original, kept, rootfs, sha1_digests(rootfs.path))
        write_sboms(folder, original, packages, files, config.image_id, rootfs.diff_id, progress.warn)
        write_artifacts(folder, original.image, kept, rootfs, log, packages)
        mark_unverified(folder, UNSEEN)
        write_report(folder, report, rootfs)
        finish(folder.publish)
        return KeepResult(
            folder.path,
            config.image_id,
            len(original.tree),
            len(kept) + len(rootfs.added),
            slim_size(original, kept, rootfs.added),
            progress.warnings,
            items,
            code,
            report,
        )


def rebuild(request: RebuildRequest, progress: Progress, docker_host: str = "") -> RebuildResult:
    """Run `docker build` with a folder's Dockerfile and rootfs.tar, and tag the image. Raise BuildFailed or UsageError."""
    tag = reference.checked_tag(request.tag)
    files = _build_files(request.folder)
    with progress.stage("rebuild"), connected(docker_host) as engine, EngineResources(engine) as scope:
        temporary = scope.temporary_tag("rebuilt")
        image_id = builds.build(engine, files, temporary, tell=scope.lifeline.image, making=scope.making)
        images.tag(engine, image_id, tag)
        return RebuildResult(tag, image_id, archived_size(request.folder / ROOTFS))


def _build_files(folder: Path) -> list[Path]:
    """Return the Dockerfile and the rootfs.tar of a folder. Raise UsageError if slimmer would not write such files."""
    files = [folder / dockerfile.NAME, folder / ROOTFS]
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise UsageError(f"there is no {missing}", hint=FOLDER_HINT)
    if not tarfile.is_tarfile(folder / ROOTFS):  # the builder would copy the file itself into the image
        raise UsageError(f"{folder / ROOTFS} is not a tar archive", hint=FOLDER_HINT)
    foreign = dockerfile.foreign_instruction(files[0].read_text(encoding="utf-8", errors="replace"))
    if foreign:
        raise UsageError(
            f"{files[0]} has a line that slimmer does not write: {foreign[:80]}",
            hint="If you wrote it yourself, use `docker build`.",
        )
    return files


def verify(request: VerifyRequest, progress: Progress, docker_host: str = "") -> VerifyResult:
    """Find all differences between the images `request.target` and `request.after`.

    Paths that only the first image has do not count, because a slim image lacks many. Paths that only the second has do.
    Raises what observing the first image raises, and TargetNotFound.
    """
    with open_stages(request, progress, docker_host) as stages:
        session = stages.session
        after = images.resolve(session.engine, request.after, platform=request.options.platform)
        with progress.stage("compare files"):
            found = list(compare_files(session, after))
        observation = stages.observe(request)
        with progress.stage("verify"):
            for scenario_run in observation.scenario_runs:
                found += compare_behaviour(session, after, scenario_run, progress.warn)
    return VerifyResult(tuple(found), progress.warnings)


def compare(request: CompareRequest, progress: Progress, docker_host: str = "") -> Comparison:
    """Measure two images: sizes, layers, files, packages, configuration. Raise TargetNotFound or EngineError.

    The files are compared if a gate or a scan needs that. A gate that fails raises nothing. Raise UsageError for a scan of another image.
    """
    limits = request.limits
    with connected(docker_host) as engine:
        configs = [images.resolve(engine, name, may_pull=False) for name in (request.before, request.after)]
        if request.scan is not None and not request.force:
            check_scan(request.scan, request.before, *configs)
        total = sum(config.engine_size for config in configs)
        with EngineResources(engine) as scope:
            before, after = collect_stats(scope, configs, lambda size: progress.read(size, total))
            new = find_new_files(scope, *configs) if Condition.NEW_FILE in limits.fail_on else None
            found = judge_images(scope, request.scan, *configs) if request.scan is not None else None
    changed = since(request.baseline, after) if request.baseline else None
    comparison = Comparison(
        request.before, before, request.after, after, new, changed, request.build, vulnerabilities=found
    )
    return dataclasses.replace(comparison, gates=judge(comparison, limits))


def clean(*, strangers: bool = False, dry_run: bool = False, docker_host: str = "") -> CleanResult:
    """Remove what killed runs left. `strangers`: also what slimmer made on other machines or in other containers. Raise EngineError."""
    with connected(docker_host) as engine:
        if dry_run:
            return CleanResult(find_leftovers(engine, strangers=strangers))
        found = remove_leftovers(engine, strangers=strangers)
        left = find_leftovers(engine, strangers=strangers)
    return CleanResult(_without(found, left), _common(found, left))


def _without(found: Leftovers, left: Leftovers) -> Leftovers:
    return Leftovers(
        tuple(name for name in found.containers if name not in left.containers),
        tuple(name for name in found.volumes if name not in left.volumes),
        tuple(name for name in found.images if name not in left.images),
        tuple(name for name in found.networks if name not in left.networks),
    )


def _common(found: Leftovers, left: Leftovers) -> Leftovers:
    return _without(found, _without(found, left))


def examine(docker_host: str = "", *, ci: bool = False) -> tuple[Check, ...]:
    """Try out what slimmer needs from the engine and its kernel. `ci`: also what matters in a CI job."""
    return doctor.examine(docker_host, ci=ci)
