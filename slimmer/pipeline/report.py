"""Make the report of a build as a JSON value. slimmer.artifacts.report_file describes its format.

It never has values of --env, request headers or bodies, which may be secrets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from slimmer.artifacts.report_file import FORMAT
from slimmer.exercise.origin import FileDigest
from slimmer.exercise.result import ExerciseResult, GeneratedSet, Outcome
from slimmer.image.config import ImageConfig
from slimmer.image.origin_labels import registry_digest
from slimmer.image.own_layers import OwnLayers
from slimmer.image.tree import Tree
from slimmer.keep.keepset import SpentMargin
from slimmer.keep.selection import Selection
from slimmer.observe.log import AccessLog
from slimmer.pipeline.observation import ObservationSet
from slimmer.pipeline.profiles import Profiles
from slimmer.pipeline.verification import VariantVerdict
from slimmer.rebuild.image import Builder
from slimmer.report.probe_check import request_row
from slimmer.unexercised import Exercised, UntouchedCode
from slimmer.unproven import Unproven
from slimmer.verify.structure import Difference
from slimmer.version import __version__

MOST_PATHS = 100
"""The most paths of one kind that a report lists. It also has the count of all."""


@dataclass(frozen=True, slots=True)
class Built:
    """The result of a build: the images, their numbers of paths, what was observed, and whether it was verified.

    `tree` is the original's. `kept_size` is in bytes, as Tree.content_size is. `tag` is "" if the slim image got none. `missed` are paths that its app still misses after all repairs.
    `stages` are (name, seconds) pairs in order. `by_shape` are answers of which only the shape was compared, and `noise` those that differ
    among runs of the original, too. `engine` is its name and version.
    """

    target: str
    tag: str
    original: ImageConfig
    slim: ImageConfig
    tree: Tree
    kept_paths: int
    kept_size: int
    policy: str
    selection: Selection
    margin: SpentMargin | None
    builder: Builder
    observed: ObservationSet
    verified: bool
    differences: tuple[Difference, ...]
    missed: tuple[str, ...]
    stages: tuple[tuple[str, float], ...]
    warnings: tuple[str, ...] = ()
    variants: tuple[VariantVerdict, ...] = ()
    by_shape: tuple[str, ...] = ()
    unproven: tuple[Unproven, ...] = ()
    exercised: Exercised = field(default_factory=Exercised)
    untouched: UntouchedCode = field(default_factory=UntouchedCode)
    own_layers: OwnLayers | None = None
    profiles: Profiles | None = None
    noise: tuple[str, ...] = ()
    engine: tuple[str, str] = ("docker", "")
    finished: str = ""
    probe_files: tuple[FileDigest, ...] = ()


def build_report(built: Built) -> dict[str, Any]:
    """Return the whole report."""
    return {
        **_head(built.target, built.original, built.tree),
        "slim": {**_image(built.tag, built.slim, built.kept_paths, built.kept_size), "tag": built.tag},
        **_choices(built.policy, built.selection, built.margin, built.builder),
        **_own_layers(built.own_layers),
        "observation": observation_report(built.observed.log) | _origin(built),
        **_exercises(built.observed),
        "verification": {
            "verified": built.verified,
            "differences": [
                {"where": d.where, "what": d.what, "expected": d.expected, "actual": d.actual}
                for d in built.differences
            ],
            "missed": list(built.missed),
            "by_shape": list(built.by_shape),
            "noise": list(built.noise),
            "places": [
                {"place": v.variant, "scene": v.scenario, "result": v.result, "problem": v.problem}
                for v in built.variants
            ],
        },
        **_seccomp(built.profiles),
        "warnings": list(built.warnings),
        "stages": [{"name": name, "seconds": round(seconds, 3)} for name, seconds in built.stages],
        "unproven": [asdict(item) for item in built.unproven],
        "exercised": asdict(built.exercised),
        "unexercised": asdict(built.untouched),
        "engine": dict(zip(("name", "version"), built.engine, strict=True)),
        "finished": built.finished,
        "probe_files": [asdict(file) for file in built.probe_files],
    }


def keep_report(
    original: ImageConfig,
    tree: Tree,
    log: AccessLog,
    policy: str,
    selection: Selection,
    builder: Builder,
    margin: SpentMargin | None = None,
    unproven: Sequence[Unproven] = (),
    untouched: UntouchedCode | None = None,
    own_layers: OwnLayers | None = None,
) -> dict[str, Any]:
    """Return the part of a report that is known without a slim image. `tree` is the original's."""
    return {
        **_head(original.image_id, original, tree),
        **_choices(policy, selection, margin, builder),
        **_own_layers(own_layers),
        "observation": observation_report(log),
        "verification": {"verified": False, "differences": [], "missed": [], "places": []},
        "unproven": [asdict(item) for item in unproven],
        "unexercised": asdict(untouched or UntouchedCode()),
    }


def _head(target: str, original: ImageConfig, tree: Tree) -> dict[str, Any]:
    return {
        **FORMAT.head,
        "slimmer": __version__,
        "target": _image(target, original, len(tree), tree.content_size),
    }


def _choices(policy: str, selection: Selection, margin: SpentMargin | None, builder: Builder) -> dict[str, Any]:
    return {
        "policy": policy,
        "selection": asdict(selection),
        **({"margin": asdict(margin)} if margin is not None else {}),
        "builder": {"name": builder.name, "reason": builder.reason, "beyond": list(builder.beyond)},
    }


def _own_layers(own: OwnLayers | None) -> dict[str, Any]:
    """Return the layers that stayed whole, the topmost one first."""
    if own is None:
        return {}
    layers = [
        {"number": one.number, "instruction": one.instruction, "files": one.files, "size": one.size}
        for one in own.layers
    ]
    border = own.border
    return {
        "own_layers": {
            "found": border.found.value,
            "detail": border.detail,
            "base": border.base,
            "files": own.files,
            "size": own.size,
            "layers": layers,
        }
    }


def _seccomp(profiles: Profiles | None) -> dict[str, Any]:
    """Return what is known about the seccomp profile, if one was asked for."""
    if profiles is None:
        return {}
    made = profiles.seccomp
    return {
        "seccomp": {
            "level": made.level.value,
            "architectures": list(made.architectures),
            "seen": len(made.seen),
            "allowed": made.count,
            "default": len(made.default),
            "beyond": list(made.beyond),
            "refused": list(profiles.refused),
            "problem": profiles.problem,
        }
    }


def _image(name: str, config: ImageConfig, paths: int, size: int) -> dict[str, Any]:
    return {
        "name": name,
        "id": config.image_id,
        "architecture": config.architecture,
        "size": size,
        "layers": len(config.layers),
        "paths": paths,
        "id_of": "manifest" if config.has_manifest_id else "configuration",
        **_digest(name, config),
    }


def _digest(name: str, config: ImageConfig) -> dict[str, Any]:
    """Return the digest by which a registry knows the image, if that is known."""
    if config.has_manifest_id:
        return {"digest": config.image_id}
    found = registry_digest(config.digests, name)
    return {"digest": found[1]} if found else {}


def _origin(built: Built) -> dict[str, Any]:
    """Return the origin of the observation, and its paths that were not used in every run or that this image lacks."""
    observed = built.observed
    varying, moved = observed.unsteady(built.tree), observed.moved(built.tree)
    return {
        "source": observed.source,
        "fingerprint": observed.log.fingerprint,
        "runs": observed.runs,
        "joined": observed.joined,
        "not_in_every_run": {"count": len(varying), "paths": list(varying[:MOST_PATHS])},
        "moved": {"count": len(moved), "paths": list(moved[:MOST_PATHS])},
    }


def _exercises(observed: ObservationSet) -> dict[str, Any]:
    """Return the exercise of the image's command. For several commands, return that of the first and a list of all."""
    reports = [
        {"command": number, "program": one.scenario.program, "exercise": exercise_report(one.observed.exercised)}
        for number, one in enumerate(observed.scenario_runs, 1)
    ]
    first = reports[0]["exercise"] if reports else exercise_report(ExerciseResult())
    return {"exercise": first} | ({"commands": reports} if len(reports) > 1 else {})


def exercise_report(exercised: ExerciseResult) -> dict[str, Any]:
    """Return every request and command with its result, without headers, bodies and outputs."""
    return {
        "http_ports": list(exercised.http_ports),
        "http_sockets": list(exercised.http_sockets),
        "requests": [msgspec.to_builtins(request_row(answer)) for answer in exercised.answers],
        "commands": [_outcome(outcome) for outcome in exercised.outcomes],
        "exit_code": exercised.exit_code,
        "warnings": list(exercised.warnings),
        "generated": [_generated(one) for one in exercised.generated],
    }


def observation_report(log: AccessLog) -> dict[str, Any]:
    """Return the recorders that ran, their counters, and the ports that the app listened on."""
    return {
        "probe": log.probe,
        "recorders": [{"name": r.name, "active": r.active, "reason": r.reason} for r in log.recorders],
        "accesses": len(log.accesses),
        "counters": dict(log.counters),
        "listeners": [asdict(listener) for listener in log.listeners],
    }


def as_json(report: dict[str, Any]) -> str:
    """Return the report as ASCII text, because names in images need not be UTF-8."""
    return json.dumps(report, indent=2)


def difference_lines(differences: Iterable[object], limit: int = 20) -> str:
    """Return the first differences, one per line, and the number of the rest."""
    lines = [str(difference) for difference in differences]
    more = [f"… and {len(lines) - limit} more"] if len(lines) > limit else []
    return "\n".join([*lines[:limit], *more])


def _generated(generated: GeneratedSet) -> dict[str, Any]:
    return {
        "source": generated.source,
        "found": generated.found,
        "requested": generated.asked,
        "kept": generated.kept,
        "limits": list(generated.limits),
        "seconds": round(generated.seconds, 3),
        **({} if generated.answered is None else {"answered": generated.answered}),
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "where": outcome.where,
        "program": outcome.program,
        "exit_code": outcome.exit_code,
        "problem": outcome.problem,
    }
