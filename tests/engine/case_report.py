"""Build cases, run the checks on the original and the slim images, and report what a user would miss.

    make cases                               # all of them
    make cases CASES="nest pm2 python"       # some of them, and an app of tests/engine/apps
    python -m tests.engine.case_report nest --option --margin --option 15%
    python -m tests.engine.case_report nest --image some-slim-image:latest     # ask that image, build none

Under `balanced` all checks have to pass, but for those that case.yaml marks as `beyond`. Under `observed`, the control, some have to
fail. The exit code is 1 if not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import docker
from rich.console import Console
from rich.table import Table

from slimmer.tasks import side_by_side
from tests.engine import case, case_answers, case_images
from tests.engine.case import Case
from tests.engine.case_answers import Answer

OBSERVED, BALANCED = "observed", "balanced"
HEADINGS = (
    "case",
    "original",
    OBSERVED,
    BALANCED,
    "ratio",
    "original's answers",
    f"{OBSERVED} passes",
    f"{BALANCED} passes",
)


@dataclass(frozen=True)
class Outcome:
    """A slim image: its size in bytes (0: slimmer refused, and `refused` says why), and the answers of the failed checks."""

    size: int
    failing: Mapping[str, Answer]
    refused: str = ""


@dataclass(frozen=True)
class Result:
    """A case: the original's size in bytes, its wrong answers, and the slim images by policy."""

    subject: Case
    size: int
    faults: Mapping[str, Answer]
    outcomes: Mapping[str, Outcome]

    def passed(self, policy: str) -> int:
        """The number of checks that pass."""
        return len(self.subject.checks) - len(self.outcomes[policy].failing)

    def errors(self) -> Iterator[str]:
        """The errors, one line each."""
        for name, answer in self.faults.items():
            yield f"the original fails: {name}: {answer}"
        if balanced := self.outcomes.get(BALANCED):
            if balanced.refused:
                yield f"{BALANCED}: slimmer refuses"
            for name in sorted(self.subject.within_reach & balanced.failing.keys()):
                yield f"{BALANCED} fails: {name}: {balanced.failing[name]}"
        observed = self.outcomes.get(OBSERVED) if self.subject.control else None
        if observed and not self.subject.within_reach & observed.failing.keys():
            yield f"{OBSERVED} fails nothing: the control is none"


def result(
    client: docker.DockerClient, subject: Case, policies: Iterable[str], folder: Path, options: Sequence[str] = ()
) -> Result:
    """Build the case's original and slim images and ask all of them.

    The image is observed once, under BALANCED or else the first policy. The other slim images come from that observation, unless
    slimmer has refused: then each policy has its own.
    """
    case_images.build_image(subject)
    original = case_answers.answers(client, subject, subject.image)
    first, *others = sorted(policies, key=lambda policy: policy != BALANCED)
    outcomes = {first: _outcome(client, subject, first, original, folder, options)}
    reused = () if outcomes[first].refused else case_images.reuse(subject, first, folder)
    for policy in others:
        outcomes[policy] = _outcome(client, subject, policy, original, folder, (*options, *reused))
    return Result(subject, _size(client, subject.image), case_answers.unexpected(subject, original), outcomes)


def _outcome(
    client: docker.DockerClient,
    subject: Case,
    policy: str,
    original: Mapping[str, Answer],
    folder: Path,
    options: Sequence[str | Path],
) -> Outcome:
    try:
        with case_images.slim_image(client, subject, policy, folder, options) as tag:
            return _asked(client, subject, tag, original)
    except AssertionError as error:
        nothing = dict.fromkeys(subject.checks, Answer(case_answers.NO_ANSWER))
        return Outcome(0, nothing, str(error)[-2000:])


def _asked(client: docker.DockerClient, subject: Case, tag: str, original: Mapping[str, Answer]) -> Outcome:
    given = case_answers.answers(client, subject, tag)
    passing = case_answers.passing(subject, original, given)
    return Outcome(_size(client, tag), {name: given[name] for name in subject.checks if name not in passing})


def result_of_image(client: docker.DockerClient, subject: Case, tag: str) -> Result:
    """Run the checks on an existing image."""
    case_images.build_image(subject)
    original = case_answers.answers(client, subject, subject.image)
    faults = case_answers.unexpected(subject, original)
    return Result(subject, _size(client, subject.image), faults, {BALANCED: _asked(client, subject, tag, original)})


def _size(client: docker.DockerClient, tag: str) -> int:
    return int(client.images.get(tag).attrs["Size"])


def row(of: Result) -> tuple[str, ...]:
    """The line of the table."""
    sizes = {policy: outcome.size for policy, outcome in of.outcomes.items()}
    ratio = f"{sizes[BALANCED] / sizes[OBSERVED]:.2f}" if sizes.get(BALANCED) and sizes.get(OBSERVED) else "-"
    count = len(of.subject.checks)
    passed = [f"{of.passed(policy)} of {count}" if policy in of.outcomes else "-" for policy in (OBSERVED, BALANCED)]
    original = f"{count - len(of.faults)} of {count}"
    columns = [_megabytes(of.size), *(_megabytes(sizes.get(policy, 0)) for policy in (OBSERVED, BALANCED))]
    return (of.subject.name, *columns, ratio, original, *passed)


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size else "-"


def failures(of: Result) -> Iterator[str]:
    """The failed checks: a line for each policy."""
    for policy, outcome in of.outcomes.items():
        if outcome.refused:
            yield f"{of.subject.name}, {policy}: slimmer refuses: {outcome.refused}"
        elif outcome.failing:
            yield f"{of.subject.name}, {policy} fails: {'; '.join(outcome.failing)}"


def show(results: Sequence[Result]) -> None:
    """Print the table, then the failed checks and the errors."""
    table = Table(*HEADINGS)
    for each in results:
        table.add_row(*row(each))
    console = Console(width=130, soft_wrap=True)
    console.print(table)
    for failed in (line for each in results for line in failures(each)):
        console.print(failed, markup=False)
    for each in results:
        for error in each.errors():
            console.print(f"ERROR {each.subject.name}: {error}", markup=False, highlight=False)


def main() -> None:
    """Parse the options, run case by case, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "cases",
        nargs="*",
        metavar="CASE",
        help=f"default: all of {', '.join(case.NAMES)}; also {', '.join(case.APP_NAMES)}",
    )
    parser.add_argument(
        "--original", action="store_true", help="ask the originals only, twice: the answers are the same"
    )
    parser.add_argument("--policy", action="append", help=f"default: {OBSERVED} and {BALANCED}")
    parser.add_argument("--option", action="append", default=[], metavar="WORD", help="one more word for slimmer build")
    parser.add_argument("--image", help="ask this slim image of the one case, and build none")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="cases at a time (default: 1)")
    parser.add_argument("--out", type=Path, help="a folder for the artifacts of the builds (default: they are removed)")
    chosen = parser.parse_args()
    if unknown := set(chosen.cases) - {*case.NAMES, *case.APP_NAMES}:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if chosen.image and len(chosen.cases) != 1:
        parser.error("--image needs the name of one case")
    client = docker.from_env(timeout=300)
    with tempfile.TemporaryDirectory() as folder:

        def measure(name: str) -> Result:
            subject = case.load_any(name)
            if image := subject.image if chosen.original else chosen.image:
                measured = result_of_image(client, subject, image)
            else:
                policies = chosen.policy or (OBSERVED, BALANCED)
                measured = result(client, subject, policies, chosen.out or Path(folder), chosen.option)
            print(*row(measured), *failures(measured), sep="  ", file=sys.stderr, flush=True)
            return measured

        results = side_by_side(measure, chosen.cases or case.NAMES, chosen.jobs)
    client.close()
    show(results)
    sys.exit(any(True for each in results for _ in each.errors()))


if __name__ == "__main__":
    main()
