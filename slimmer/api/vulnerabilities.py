"""vulnerabilities and vex: what a scan of the original says about the slim image. They read the output folder of a build, and need no engine."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path

from msgspec import UNSET

from slimmer.api import words
from slimmer.artifacts.build_output import BuildOutput, find_output
from slimmer.errors import UsageError
from slimmer.pipeline.build import EPOCH
from slimmer.rebuild.archive import epoch_time
from slimmer.report import vex as vex_report
from slimmer.report import vulnerabilities as report
from slimmer.report.vulnerabilities import Vulnerabilities
from slimmer.scans.scan_file import read_scan
from slimmer.version import __version__

FORMATS = ("openvex", "cyclonedx")


def vulnerabilities(
    output: str | PathLike[str] | BuildOutput, scan: str | PathLike[str], *, force: bool = False
) -> Vulnerabilities:
    """Return what became of each vulnerability that Grype or Trivy found in the original of a build.

    `output` is as for `explain`. `scan` is the scanner's JSON of the original.
    Raises UsageError if it is that of another image, unless `force` is set.
    """
    return report.of_output(_output(output), read_scan("--scan", Path(scan)), force=force)


def vex(
    output: str | PathLike[str] | BuildOutput,
    scan: str | PathLike[str],
    *,
    format: str = "openvex",
    author: str = "",
    image: str = "",
    force: bool = False,
) -> str:
    """Return a VEX document: the vulnerabilities that do not affect the slim image, because it does not have their packages.

    `format` is "openvex" or "cyclonedx", `author` a person or an organization, `image` the slim image as it is in a registry, with its digest.
    Raises UsageError if the slim image was not verified, or if no package is proven absent.
    """
    form = words.choice("--format", format, FORMATS)
    found = _output(output)
    product = vex_report.product(*_image(found, image))
    judged = vulnerabilities(found, scan, force=force).judged
    facts = vex_report.VexFacts(
        product=product,
        author=author or vex_report.UNKNOWN_AUTHOR,
        time=_time(found),
        tooling=f"slimmer {__version__}",
        statements=vex_report.statements(judged),
    )
    if not facts.statements:
        raise UsageError(
            "no package with a finding is proven absent, so there is nothing to state",
            hint="--format table shows what is left of each package.",
        )
    if form == "cyclonedx":
        from slimmer.report.cyclonedx_vex import as_cyclonedx

        return as_cyclonedx(facts)
    from slimmer.report.openvex import as_openvex

    return as_openvex(facts)


def _image(output: BuildOutput, image: str) -> tuple[str, str]:
    """Return the name and the ID of the slim image. Raise UsageError if there is none, or if it was not verified."""
    slim, verification = output.report.slim, output.report.verification
    if slim is UNSET or verification is UNSET:
        raise UsageError(
            f"{output.folder} is from `slimmer keep`, which makes no slim image",
            hint="Make the slim image with `slimmer build`.",
        )
    if not verification.verified:
        raise UsageError(
            f"the slim image of {output.folder} was not verified, so nothing proves what it lacks",
            hint="Build it without --no-verify. --format table shows the verdicts all the same.",
        )
    return (image, "") if image else (slim.name or slim.tag, slim.id)


def _time(output: BuildOutput) -> datetime:
    """Return SOURCE_DATE_EPOCH, or the time at which the build wrote its manifest."""
    epoch = os.environ.get(EPOCH)
    return epoch_time(epoch) if epoch else datetime.fromtimestamp(output.written, UTC)


def _output(output: str | PathLike[str] | BuildOutput) -> BuildOutput:
    return output if isinstance(output, BuildOutput) else find_output(str(output))
