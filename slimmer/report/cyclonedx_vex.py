"""Write a VEX document in the format CycloneDX 1.6.

Readers know a vulnerability by its identifier alone: Grype, for one, does not look at what it affects. So a vulnerability that also has a
finding that is not gone is left out. Source: CycloneDX 1.6, "Vulnerability Exploitability"; Grype (grype/vex/cyclonedx).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slimmer.formatting import listed
from slimmer.report.vex import NOTE, Statement, VexFacts
from slimmer.scans.scan import Severity

if TYPE_CHECKING:
    from cyclonedx.model.vulnerability import Vulnerability

PACKAGES_SHOWN = 100
"""The most package URLs that the detail of a vulnerability names."""


def as_cyclonedx(facts: VexFacts) -> str:
    """Return the document as JSON."""
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.bom_ref import BomRef
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.contact import OrganizationalContact
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    name, _, version = facts.tooling.partition(" ")
    image = facts.product
    subject = Component(
        name=image.name,
        version=image.digest,
        type=ComponentType.CONTAINER,
        purl=PackageURL.from_string(image.purl),
        bom_ref=BomRef(image.purl),
    )
    metadata = BomMetaData(
        timestamp=facts.time,
        component=subject,
        authors=[OrganizationalContact(name=facts.author)],
    )
    metadata.tools.components.add(
        Component(name=name, version=version, type=ComponentType.APPLICATION, bom_ref=BomRef(name))
    )
    bom = Bom(metadata=metadata, serial_number=facts.identity, version=1)
    for statement in facts.statements:
        if not statement.elsewhere:
            bom.vulnerabilities.add(_vulnerability(statement, image.purl))
    return JsonV1Dot6(bom).output_as_string(indent=2)


def _vulnerability(statement: Statement, product: str) -> Vulnerability:
    from cyclonedx.model.bom_ref import BomRef
    from cyclonedx.model.impact_analysis import ImpactAnalysisJustification, ImpactAnalysisState
    from cyclonedx.model.vulnerability import (
        BomTarget,
        Vulnerability,
        VulnerabilityAnalysis,
        VulnerabilityRating,
        VulnerabilitySeverity,
    )

    word = "info" if statement.severity is Severity.NEGLIGIBLE else statement.severity
    return Vulnerability(
        id=statement.vulnerability,
        bom_ref=BomRef(statement.vulnerability),
        ratings=[VulnerabilityRating(severity=VulnerabilitySeverity(word))],
        affects=[BomTarget(ref=product)],
        analysis=VulnerabilityAnalysis(
            state=ImpactAnalysisState.NOT_AFFECTED,
            justification=ImpactAnalysisJustification.CODE_NOT_PRESENT,
            detail=f"{NOTE} {listed(statement.packages, PACKAGES_SHOWN)}",
        ),
    )
