"""slimmer makes container images small without breaking them. It runs and watches an image, keeps what it uses, rebuilds it, and verifies it.

    import slimmer
    result = slimmer.build("myapp:latest", policy="balanced")
    print(result.tag, f"{result.ratio:.1f}x smaller")

docs/api.md shows every function, and `help(slimmer.build)` explains one. Names are imported when they are first used, so `import slimmer`
itself is fast.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from slimmer.version import __version__

if TYPE_CHECKING:
    from slimmer.api.functions import (
        attach,
        attest,
        build,
        check_probes,
        clean,
        compare,
        doctor,
        explain,
        keep,
        not_exercised,
        not_proven,
        observe,
        rebuild,
        record_probes,
        run,
        sbom,
        sizes,
        validate_probes,
        verify,
    )
    from slimmer.api.vulnerabilities import vex, vulnerabilities
    from slimmer.artifacts.build_output import BuildOutput, find_output
    from slimmer.engine.leftovers import Leftovers
    from slimmer.engine.options import Companion
    from slimmer.errors import (
        AppFailed,
        BuildFailed,
        CompanionFailed,
        EngineError,
        EngineUnreachable,
        ExerciseFailed,
        GateFailed,
        Interrupted,
        ObservationIncomplete,
        OutputError,
        PluginFailed,
        ResourcesExhausted,
        SandboxFailed,
        SlimmerError,
        TargetNotFound,
        UnsupportedEngine,
        UsageError,
        VerificationFailed,
    )
    from slimmer.exercise.plan import ExercisePlan, ImageCommand, Until
    from slimmer.exercise.recording import Recording
    from slimmer.exercise.request import Expectation, Request
    from slimmer.keep.analyzer import Policy
    from slimmer.keep.selection import Selection
    from slimmer.observe.log import AccessLog
    from slimmer.pipeline.progress import BytesRead, Event, Note, OnEvent, StageEnded, StageStarted, Warned
    from slimmer.pipeline.request import (
        AttachRequest,
        BuildRequest,
        CompareRequest,
        KeepRequest,
        ObserveRequest,
        RebuildRequest,
        RunOptions,
        VerifyRequest,
    )
    from slimmer.pipeline.result import (
        BuildResult,
        CleanResult,
        KeepResult,
        ObserveResult,
        RebuildResult,
        VerifyResult,
    )
    from slimmer.report.comparison import Comparison
    from slimmer.report.explanation import Explanation
    from slimmer.report.gate import Gate, Limits
    from slimmer.report.probe_check import ProbeCheck
    from slimmer.report.sizes import Sizes
    from slimmer.report.unexercised import UnexercisedReport
    from slimmer.report.unproven import UnprovenReport
    from slimmer.report.verdict import Judged, Verdict
    from slimmer.report.vulnerabilities import Vulnerabilities
    from slimmer.runs.check import Check
    from slimmer.sbom.document import Sbom, SbomFile, SbomPackage
    from slimmer.scans.scan import Finding, Severity
    from slimmer.unexercised import Exercised, UntouchedCode
    from slimmer.unproven import Unproven
    from slimmer.verify.structure import Difference


_HOMES = {
    "slimmer.api.functions": (
        "attach attest build check_probes clean compare doctor explain keep not_exercised not_proven observe rebuild record_probes run sbom sizes "
        "validate_probes verify"
    ),
    "slimmer.api.vulnerabilities": "vex vulnerabilities",
    "slimmer.artifacts.build_output": "BuildOutput find_output",
    "slimmer.engine.leftovers": "Leftovers",
    "slimmer.engine.options": "Companion",
    "slimmer.errors": (
        "AppFailed BuildFailed CompanionFailed EngineError EngineUnreachable ExerciseFailed GateFailed Interrupted ObservationIncomplete OutputError "
        "PluginFailed ResourcesExhausted SandboxFailed SlimmerError TargetNotFound UnsupportedEngine UsageError "
        "VerificationFailed"
    ),
    "slimmer.exercise.plan": "ExercisePlan ImageCommand Until",
    "slimmer.exercise.recording": "Recording",
    "slimmer.exercise.request": "Expectation Request",
    "slimmer.keep.analyzer": "Policy",
    "slimmer.keep.selection": "Selection",
    "slimmer.observe.log": "AccessLog",
    "slimmer.pipeline.progress": "BytesRead Event Note OnEvent StageEnded StageStarted Warned",
    "slimmer.pipeline.request": (
        "AttachRequest BuildRequest CompareRequest KeepRequest ObserveRequest RebuildRequest RunOptions VerifyRequest"
    ),
    "slimmer.pipeline.result": "BuildResult CleanResult KeepResult ObserveResult RebuildResult VerifyResult",
    "slimmer.report.comparison": "Comparison",
    "slimmer.report.explanation": "Explanation",
    "slimmer.report.gate": "Gate Limits",
    "slimmer.report.probe_check": "ProbeCheck",
    "slimmer.report.sizes": "Sizes",
    "slimmer.report.unexercised": "UnexercisedReport",
    "slimmer.report.unproven": "UnprovenReport",
    "slimmer.report.verdict": "Judged Verdict",
    "slimmer.report.vulnerabilities": "Vulnerabilities",
    "slimmer.runs.check": "Check",
    "slimmer.sbom.document": "Sbom SbomFile SbomPackage",
    "slimmer.scans.scan": "Finding Severity",
    "slimmer.unexercised": "Exercised UntouchedCode",
    "slimmer.unproven": "Unproven",
    "slimmer.verify.structure": "Difference",
}
_HOME = {name: home for home, names in _HOMES.items() for name in names.split()}
"""The module of each public name."""

__all__ = [
    "AccessLog",
    "AppFailed",
    "AttachRequest",
    "BuildFailed",
    "BuildOutput",
    "BuildRequest",
    "BuildResult",
    "BytesRead",
    "Check",
    "CleanResult",
    "Companion",
    "CompanionFailed",
    "CompareRequest",
    "Comparison",
    "Difference",
    "EngineError",
    "EngineUnreachable",
    "Event",
    "ExerciseFailed",
    "ExercisePlan",
    "Exercised",
    "Expectation",
    "Explanation",
    "Finding",
    "Gate",
    "GateFailed",
    "ImageCommand",
    "Interrupted",
    "Judged",
    "KeepRequest",
    "KeepResult",
    "Leftovers",
    "Limits",
    "Note",
    "ObservationIncomplete",
    "ObserveRequest",
    "ObserveResult",
    "OnEvent",
    "OutputError",
    "PluginFailed",
    "Policy",
    "ProbeCheck",
    "RebuildRequest",
    "RebuildResult",
    "Recording",
    "Request",
    "ResourcesExhausted",
    "RunOptions",
    "SandboxFailed",
    "Sbom",
    "SbomFile",
    "SbomPackage",
    "Selection",
    "Severity",
    "Sizes",
    "SlimmerError",
    "StageEnded",
    "StageStarted",
    "TargetNotFound",
    "UnexercisedReport",
    "Unproven",
    "UnprovenReport",
    "UnsupportedEngine",
    "Until",
    "UntouchedCode",
    "UsageError",
    "Verdict",
    "VerificationFailed",
    "VerifyRequest",
    "VerifyResult",
    "Vulnerabilities",
    "Warned",
    "__version__",
    "attach",
    "attest",
    "build",
    "check_probes",
    "clean",
    "compare",
    "doctor",
    "explain",
    "find_output",
    "keep",
    "not_exercised",
    "not_proven",
    "observe",
    "rebuild",
    "record_probes",
    "run",
    "sbom",
    "sizes",
    "validate_probes",
    "verify",
    "vex",
    "vulnerabilities",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    home = _HOME.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Package(ModuleType):
    """The type of this package. It makes sure that `keep`, `observe`, `rebuild` and `verify` are functions.

    There are also subpackages with these names. When Python imports a subpackage, it puts it into its parent's namespace, which would
    hide the function. `import` and `from … import` still find the subpackages.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
