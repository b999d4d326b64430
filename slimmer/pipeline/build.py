"""Build a slim image: all stages in their order.

Independent work runs at the same time. The image is read while the app is observed, and the checks of the slim image run in parallel.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Any

from slimmer.engine import images
from slimmer.engine.leftovers import Leftovers, remove_leftovers
from slimmer.errors import NoBuilder, ProfileFailed, VerificationFailed
from slimmer.formatting import SHOWN, counted, listed
from slimmer.image import reference
from slimmer.image.origin_labels import labelled
from slimmer.interrupts import finish
from slimmer.keep.analyzer import Policy
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import MISSED, Finding, KeepSet
from slimmer.keep.unproven.own_code import untouched_code
from slimmer.output_folder import OutputFolder, default_folder
from slimmer.pipeline.artifacts import write_artifacts, write_report
from slimmer.pipeline.attestation_file import AttestationFile, attestation_file, check_attest
from slimmer.pipeline.candidate import Candidate, choose_builder, make, pack, slim_size
from slimmer.pipeline.observation import ObservationSet
from slimmer.pipeline.original import Original
from slimmer.pipeline.profiles import ProfileMaker, Profiles, check_calls, check_engine, check_options
from slimmer.pipeline.progress import Progress
from slimmer.pipeline.report import Built, build_report, difference_lines
from slimmer.pipeline.request import REPAIRS, BuildRequest
from slimmer.pipeline.result import BuildResult
from slimmer.pipeline.sbom import packages_of, packed_files, write_sboms
from slimmer.pipeline.stages import Stages, open_stages
from slimmer.pipeline.unexercised import exercised
from slimmer.pipeline.unproven import unproven
from slimmer.pipeline.verification import CandidateVerifier, VariantVerdict, Verdict, variants
from slimmer.rebuild.archive import build_time, creation_time
from slimmer.rebuild.image import DOCKERFILE, LOAD, Builder, mark_unverified
from slimmer.sbom.output import sha1_digests
from slimmer.unexercised import UntouchedCode, untouched
from slimmer.unproven import Unproven

__all__ = ["REPAIRS", "build"]

EPOCH = "SOURCE_DATE_EPOCH"
"""The variable that sets the slim image's creation time: reproducible-builds.org, "SOURCE_DATE_EPOCH"."""

DIFFERS = "the slim image differs from the original and was not tagged. report.json lists the differences."
UNASKED = "the slim image was not verified, because of --no-verify."
"""The notes in the Dockerfile of a build that was not verified."""


@dataclass(frozen=True, slots=True)
class Slim:
    """A candidate, the paths that it keeps, the results of its checks, and what they do not prove."""

    kept: KeepSet
    candidate: Candidate
    verdict: Verdict
    variants: tuple[VariantVerdict, ...] = ()
    unproven: tuple[Unproven, ...] = ()
    untouched: UntouchedCode = field(default_factory=UntouchedCode)
    profiles: Profiles | None = None


def build(request: BuildRequest, progress: Progress, docker_host: str = "") -> BuildResult:
    """Build the slim image of `request.target`, verify it, tag it, and write the artifacts.

    Raises a SlimmerError for each kind of failure. Then nothing is left in the engine, and no tag has changed.
    """
    check_attest(request)
    tag = reference.checked_tag(request.tag) if request.tag else ""
    check_options(request)
    epoch = os.environ.get(EPOCH)
    with open_stages(request, progress, docker_host) as stages:
        session = stages.session
        if request.seccomp:
            check_engine(session.engine)
        tag = tag or reference.slim_tag(reference.parse(request.target), session.config)
        created = creation_time(session.config, epoch)
        if request.observe:
            stages.warn_of_risk(request)
        with (
            stages.output(request.out or default_folder(tag)) as folder,
            attestation_file(request.attest, folder, session.scope.lifeline.folder) as attestation,
        ):
            stages.load_analyzers()
            removed = session.pool.submit(remove_leftovers, session.engine)
            reading = stages.begin_reading(request)
            original, observation = stages.observe_or_reuse(request, folder.path, reading)
            _tell_removed(removed.result(), progress)
            if request.seccomp:
                check_calls(observation.log)
            work = _Build(request, stages, folder, created, original, observation, tag, attestation)
            return work.publish(work.slim())


@dataclass(slots=True)
class _Build:
    """Shared state of the stages after the observation.

    `packages` is the document of the packages, once it was begun. `only_builder` is what is left if the engine does not build. `sha1` has
    the digests of the packed files, which only the bill of materials needs.
    """

    request: BuildRequest
    stages: Stages
    folder: OutputFolder
    created: str
    original: Original
    observation: ObservationSet
    tag: str
    attestation: AttestationFile | None = None
    packages: Future[dict[str, Any]] | None = field(default=None, init=False)
    only_builder: Builder | None = field(default=None, init=False)
    sha1: Future[dict[str, str]] | None = field(default=None, init=False)

    @property
    def progress(self) -> Progress:
        return self.stages.progress

    # ------------------------------------------------------------------ keep, rebuild, verify; and again

    def slim(self) -> Slim:
        """Return a candidate with its verdict. If its app misses files, they are added and it is rebuilt, up to `request.repair` times."""
        request, original, observation = self.request, self.original, self.observation
        verifier = CandidateVerifier(original, request, observation.scenario_runs, self.progress.warn)
        self.stages.read_layers(original)
        view = original.view(observation.log, observation.home, request.selection)
        extra: list[Finding] = []
        for repairs in range(request.repair + 1):
            again = f" (repair {repairs})" if repairs else ""
            policy = Policy(request.policy)
            if self.packages is not None:
                self.packages.result()  # it reads the image, too, which one thread at a time may do
            kept = self.stages.keep(view, policy, extra, margin=request.margin, name=f"keep{again}")
            self.stages.warn_of_unreadable()
            if not repairs:
                self.stages.warn_of_excluded(kept)
                self.stages.tell_of_kept(view, kept)
            with self.progress.stage(f"rebuild{again}"):
                candidate = self.rebuild(kept, repairs)
            if not request.verify:
                return self.with_gaps(view, Slim(kept, candidate, Verdict()))
            with self.progress.stage(f"verify{again}"):
                verdict = verifier.verify(kept, candidate)
            if not verdict.missed or repairs == request.repair:
                break
            self.progress.note(f"missing in the slim image, and added now: {_names(verdict.missed)}")
            extra.extend(verdict.missed)
        if verdict.missed:
            self.progress.warn(
                f"the slim image's app still misses files that the original has: {_names(verdict.missed)}"
            )
        slim = self.verified_elsewhere(verifier, self.with_gaps(view, Slim(kept, candidate, verdict)))
        return self.profiled(verifier, slim)

    def with_gaps(self, view: ImageView, slim: Slim) -> Slim:
        """Add what the build does not prove, and the app's own code that nothing touched."""
        items = unproven(view, slim.kept, self.observation)
        return replace(slim, unproven=items, untouched=untouched(untouched_code(view, slim.kept)))

    def verified_elsewhere(self, verifier: CandidateVerifier, slim: Slim) -> Slim:
        """Add the results of the variants that the user asked for."""
        for variant in variants(self.request):
            with self.progress.stage(f"verify {variant.name}"):
                found = list(verifier.verify_in(variant, slim.candidate))
            differences = tuple(difference for _, some in found for difference in some)
            verdict = replace(slim.verdict, differences=slim.verdict.differences + differences)
            slim = replace(slim, verdict=verdict, variants=slim.variants + tuple(one for one, _ in found))
        return slim

    def profiled(self, verifier: CandidateVerifier, slim: Slim) -> Slim:
        """Add the profiles that the user asked for, if the image is good."""
        if not self.request.seccomp or slim.verdict.differences:
            return slim
        maker = ProfileMaker(self.original, self.folder, self.request, self.observation, verifier, self.progress.note)
        with self.progress.stage("verify with seccomp"):
            return replace(slim, profiles=maker.make(slim.candidate, slim.kept, self.tag))

    def rebuild(self, kept: KeepSet, repairs: int) -> Candidate:
        """Build a candidate with the kept paths."""
        request, original = self.request, self.original
        dated = bool(os.environ.get(EPOCH))
        config = original.session.config
        config = labelled(config, request.target) if request.labels else config
        builder = self.only_builder or choose_builder(original, config, request.builder, kept, dated=dated)
        if builder.name != (request.builder or DOCKERFILE) and not repairs:
            self.progress.note(f"builder {builder.name}: {builder.reason}")
        if dated and builder.name == DOCKERFILE and not repairs:
            self.progress.warn(f"{EPOCH} has no effect with --builder dockerfile: docker build sets its own time")
        progress = self.progress
        rootfs = pack(original, kept, self.folder, progress.note, selection=request.selection, warn=progress.warn)
        self.sha1 = self.stages.session.pool.submit(sha1_digests, rootfs.path)
        self.begin_packages()
        try:
            return make(original.session, config, rootfs, builder, self.folder, self.created, "candidate")
        except NoBuilder as error:
            if request.builder:
                raise
            self.only_builder = Builder(LOAD, error.message, builder.beyond)
            self.progress.note(f"builder {LOAD}: {error.message}")
            return make(original.session, config, rootfs, self.only_builder, self.folder, self.created, "candidate")

    def begin_packages(self) -> Future[dict[str, Any]]:
        """Start to make the document of the packages, once. The best time is while slimmer waits for the engine's build."""
        self.packages = self.packages or self.stages.session.pool.submit(packages_of, self.original)
        return self.packages

    # ------------------------------------------------------------------ the end

    def publish(self, slim: Slim) -> BuildResult:
        """Write the artifacts, then tag the image. In this order, a tagged image always has its report.

        An interrupt takes effect before or after both. If the image differs, the artifacts are written, too, so that the user can look
        at them. Raises VerificationFailed for such an image, and ProfileFailed for one that is good but fails under its profile.
        """
        differences = slim.verdict.differences
        tag = "" if differences else self.tag
        packages, rootfs = self.begin_packages().result(), slim.candidate.rootfs
        self.stages.begin_clearing()
        with self.progress.stage("write"):
            files = packed_files(self.original, slim.kept, rootfs, self.sha1.result() if self.sha1 else {})
            name = tag or self.request.target
            write_sboms(self.folder, self.original, packages, files, name, slim.candidate.image_id, self.progress.warn)
            write_artifacts(self.folder, self.original.image, slim.kept, rootfs, self.observation.log, packages)
        built = self.built(slim, tag)
        report = build_report(built)
        if not built.verified:
            mark_unverified(self.folder, DIFFERS if differences else UNASKED)
        write_report(self.folder, report, rootfs)
        finish(lambda: self.hand_over(slim.candidate.image_id, built.tag))
        if differences:
            raise VerificationFailed(
                f"the slim image differs from the original:\n{difference_lines(differences)}",
                hint=f"It was not tagged. {self.folder.path}/report.json lists all differences.",
            )
        if slim.profiles is not None and slim.profiles.problem:
            raise ProfileFailed(f"the slim image fails under its seccomp profile: {slim.profiles.lines}")
        return self.result(built, report)

    def hand_over(self, image_id: str, tag: str) -> None:
        """Move the artifacts into place. If there is a tag, write the attestation and tag the image."""
        if tag and self.attestation is not None:
            self.attestation.stage(self.folder)
        self.folder.publish()
        if tag and self.attestation is not None:
            self.attestation.finish(self.folder)
        if tag:
            images.tag(self.stages.session.engine, image_id, tag)

    def built(self, slim: Slim, tag: str) -> Built:
        """Return the input of the report."""
        request, session, differences = self.request, self.stages.session, slim.verdict.differences
        return Built(
            target=request.target,
            tag=tag,
            original=session.config,
            slim=images.inspect(session.engine, slim.candidate.image_id),
            tree=self.original.tree,
            kept_paths=len(slim.kept) + len(slim.candidate.rootfs.added),
            kept_size=slim_size(self.original, slim.kept, slim.candidate.rootfs.added),
            policy=request.policy,
            selection=request.selection,
            margin=slim.kept.margin,
            builder=slim.candidate.builder,
            observed=self.observation,
            verified=request.verify and not differences,
            differences=differences,
            missed=tuple(dict.fromkeys(finding.path for finding in slim.verdict.missed)),
            variants=slim.variants,
            by_shape=slim.verdict.by_shape,
            stages=self.progress.stages,
            warnings=self.progress.warnings,
            unproven=slim.unproven,
            exercised=exercised(one.observed.exercised for one in self.observation.scenario_runs),
            untouched=slim.untouched,
            own_layers=self.original.own_layers,
            profiles=slim.profiles,
            noise=slim.verdict.noise,
            engine=("podman" if session.engine.is_podman else "docker", session.engine.version),
            finished=build_time(os.environ.get(EPOCH)),
            probe_files=request.plan.probe_files,
        )

    def result(self, built: Built, report: dict[str, Any]) -> BuildResult:
        """Return the result for the caller. The image has its tag."""
        return BuildResult(
            tag=built.tag,
            image_id=built.slim.image_id,
            size=built.kept_size,
            paths=built.kept_paths,
            original_id=built.original.image_id,
            original_size=built.tree.content_size,
            original_paths=len(built.tree),
            verified=built.verified,
            folder=self.folder.path,
            stages=built.stages,
            warnings=self.progress.warnings,
            unproven=built.unproven,
            exercised=built.exercised,
            untouched=built.untouched,
            report=report,
        )


def _tell_removed(gone: Leftovers, progress: Progress) -> None:
    if gone:
        progress.note(
            f"removed the leftovers of a killed run: {counted(len(gone.containers), 'container')}, "
            f"{counted(len(gone.volumes), 'volume')}, {counted(len(gone.networks), 'network')}, "
            f"{counted(len(gone.images), 'image')}"
        )


def _names(findings: Iterable[Finding]) -> str:
    """Return the first missed paths and the number of the rest. Paths that only lead to them are left out."""
    return listed(list(dict.fromkeys(f.path for f in findings if f.reason.rule == MISSED)), SHOWN)
