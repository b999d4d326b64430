"""Make security profiles for a slim image, and run the image under them before they are handed over."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace

from slimmer.engine.connection import Engine
from slimmer.engine.options import RunOptions
from slimmer.errors import EngineError, SlimmerError, UnsupportedEngine, UsageError
from slimmer.formatting import SHOWN, listed
from slimmer.keep.keepset import KeepSet
from slimmer.observe.identity import capabilities_of
from slimmer.observe.log import AccessLog
from slimmer.observe.merge import all_calls
from slimmer.observe.system_calls import ARCHITECTURES, call_names
from slimmer.output_folder import OutputFolder
from slimmer.pipeline.candidate import Candidate
from slimmer.pipeline.observation import ObservationSet
from slimmer.pipeline.original import Original
from slimmer.pipeline.progress import Say
from slimmer.pipeline.request import BuildRequest
from slimmer.pipeline.verification import CandidateVerifier
from slimmer.profiles.apparmor import Confinement, apparmor_profile, profile_name
from slimmer.profiles.capabilities import names_of
from slimmer.profiles.seccomp import Level, SeccompProfile, make_profile
from slimmer.runs.start import try_calls
from slimmer.verify.structure import Difference

logger = logging.getLogger(__name__)

SECCOMP, APPARMOR = "seccomp.json", "apparmor.profile"
ROUNDS = 3
"""How many times a profile is made and tried. Each time, the calls that the last watched run made for the first time are added."""

SEARCH_SECONDS = 120.0
"""How long to search for the call that a failing image needs. Each try runs the whole exercise."""

NO_CALLS_HINT = (
    "`slimmer doctor` shows what the engine's kernel allows. Without --seccomp, the build needs none of this."
)
SOCKETS = frozenset(("socket", "socketpair", "socketcall", "accept", "accept4"))


@dataclass(frozen=True, slots=True)
class Profiles:
    """The profiles of a slim image. `refused` are the calls that were tried under the seccomp profile and refused.

    `problem` says why the profiles cannot be handed over; "" means that the image works under the seccomp profile. `detail` quotes the app
    then. It is only for the terminal, since it may hold secrets.
    """

    seccomp: SeccompProfile
    refused: tuple[str, ...] = ()
    problem: str = ""
    detail: str = field(default="", repr=False)

    @property
    def lines(self) -> str:
        """The problem and the detail, for the terminal."""
        return f"{self.problem}\n{self.detail}" if self.detail else self.problem


def check_options(request: BuildRequest) -> None:
    """Raise UsageError if these options leave no way to make a profile."""
    if not request.seccomp:
        return
    if not request.verify:
        raise UsageError(
            "--seccomp cannot be used with --no-verify: a profile is handed over only if the image works with it",
            hint="Leave one of them out.",
        )
    own = [entry for entry in request.options.security_opt if entry.startswith("seccomp=")]
    if own:
        raise UsageError(
            f"--seccomp cannot be used with --security-opt {own[0]}: the app runs under that profile already",
            hint="Leave one of them out.",
        )


def check_engine(engine: Engine) -> None:
    """Raise UnsupportedEngine if the engine runs nothing under a profile that a client sends. Podman takes the text for the path of a file."""
    if engine.is_podman:
        raise UnsupportedEngine(
            "--seccomp cannot be used with Podman: its API takes no profile from a client, so the slim image could not be verified with it",
            hint="Build with Docker. Podman can use the profile: podman run --security-opt seccomp=seccomp.json",
        )


def check_calls(log: AccessLog) -> None:
    """Raise UnsupportedEngine if the probe could not see system calls in some run."""
    counter = next((recorder for recorder in log.recorders if recorder.name == "bpf"), None)
    if counter is not None and counter.active and log.system_calls:
        return
    reason = counter.reason if counter is not None else "the access log is of an earlier version of slimmer"
    raise UnsupportedEngine(
        f"no seccomp profile can be made, because the system calls of the app are not known: {reason}",
        hint=NO_CALLS_HINT,
    )


class ProfileMaker:
    """Makes and tries the profiles of one candidate."""

    def __init__(
        self,
        original: Original,
        folder: OutputFolder,
        request: BuildRequest,
        observation: ObservationSet,
        verifier: CandidateVerifier,
        say: Say,
    ) -> None:
        self._original, self._session, self._request = original, original.session, request
        self._folder, self._path = folder, folder.place(SECCOMP)
        self._observation, self._verifier, self._say = observation, verifier, say
        ways = ARCHITECTURES[self._session.engine.architecture]
        self._machine = ways["native"]

    def make(self, candidate: Candidate, kept: KeepSet, tag: str) -> Profiles:
        """Write profiles that the candidate works under into the folder, and return them, or the problem. Raise OutputError."""
        profile, differences = self._tried(candidate)
        refused: tuple[str, ...] = ()
        if differences:
            problem = _problem(profile, differences, self._culprit(profile, candidate))
        else:
            refused, problem = self._refusals(profile, candidate)
        if problem:
            self._folder.discard(SECCOMP)
            return Profiles(profile, problem=problem, detail=differences[0].detail if differences else "")
        with self._folder.writing_text(APPARMOR) as file:
            file.write(self._apparmor(kept, profile, tag))
        return Profiles(profile, refused)

    def _tried(self, candidate: Candidate) -> tuple[SeccompProfile, tuple[Difference, ...]]:
        """Return a profile and how the candidate differs under it. What a further watched run calls for the first time is allowed, too."""
        profile = self._written()
        differences = self._differences(candidate)
        for _ in range(ROUNDS - 1):
            if not differences:
                break
            self._verifier.watch(candidate)
            wider = self._written()
            if not (new := wider.allowed - profile.allowed):
                break
            self._say(f"called for the first time now, and allowed, too: {listed(sorted(new), SHOWN)}")
            profile = wider
            differences = self._differences(candidate)
        return profile, differences

    def _culprit(self, profile: SeccompProfile, candidate: Candidate) -> str:
        """Return a call without which the candidate fails, or "" if none is found in time. It halves the calls that could be allowed."""
        deadline = time.monotonic() + SEARCH_SECONDS
        refused = sorted(profile.default - profile.allowed)
        works, fails = len(refused), 0
        if profile.beyond or not self._works(profile.wider(refused), candidate):
            return ""
        while works - fails > 1:
            if time.monotonic() > deadline:
                return ""
            middle = (works + fails) // 2
            if self._works(profile.wider(refused[:middle]), candidate):
                works = middle
            else:
                fails = middle
        return refused[works - 1]

    def _works(self, profile: SeccompProfile, candidate: Candidate) -> bool:
        self._write(profile)
        return not self._differences(candidate)

    def _differences(self, candidate: Candidate) -> tuple[Difference, ...]:
        """Return how the candidate differs under the profile. The engine itself may need a call that the profile refuses."""
        try:
            return self._verifier.verify_under(self._path, candidate)
        except EngineError as error:
            return (Difference("the container", "start", "good", error.message),)

    def _written(self) -> SeccompProfile:
        """Make the profile of all calls that were seen so far, and write it."""
        calls = all_calls([self._observation.log.system_calls, self._verifier.system_calls])
        level, capabilities = Level(self._request.seccomp), self._capabilities("bounding")
        profile = make_profile(level, calls, self._machine, capabilities, init=self._request.options.init)
        self._write(profile)
        logger.info("seccomp: %d calls seen, %d allowed", len(profile.seen), profile.count)
        return profile

    def _write(self, profile: SeccompProfile) -> None:
        with self._folder.writing_text(SECCOMP) as file:
            file.write(profile.text())

    def _refusals(self, profile: SeccompProfile, candidate: Candidate) -> tuple[tuple[str, ...], str]:
        """Make calls that the profile does not allow, in a container of the slim image. Return those, and what is wrong."""
        options = self._request.options
        restricted = replace(options, security_opt=(*options.security_opt, f"seccomp={self._path}"))
        try:
            results = self._try(restricted, candidate)
        except SlimmerError as error:
            return (), f"the calls that it refuses could not be tried: {error.message}"
        named = {call_names(self._machine, (number,))[0]: error for number, error in results.items()}
        refused = {name: error for name, error in sorted(named.items()) if profile.refusal(name)}
        wrong = [f"{name} (error {error})" for name, error in refused.items() if error != profile.refusal(name)]
        if not refused or wrong:
            return (), f"the engine does not enforce it: {listed(wrong, SHOWN) or 'nothing'} came through"
        return tuple(refused), ""

    def _try(self, options: RunOptions, candidate: Candidate) -> dict[int, int]:
        session = self._session.running(options)
        purpose = session.unique("try-calls")
        return try_calls(session.scope, session.config, session.options, session.probe, candidate.image_id, purpose)

    def _capabilities(self, kind: str) -> tuple[str, ...]:
        return names_of(capabilities_of(self._observation.identity, kind))

    def _apparmor(self, kept: KeepSet, profile: SeccompProfile, tag: str) -> str:
        options, tree = self._request.options, self._original.tree
        raised = any((entry := tree.get(path)) is not None and entry.is_setid for path in kept)
        return apparmor_profile(
            Confinement(
                name=profile_name(tag),
                tree=tree,
                kept=kept.reasons.keys(),
                accesses=self._observation.log.accesses,
                volumes=_mounted(self._session.config.volumes, options),
                capabilities=self._capabilities("bounding" if raised else "permitted"),
                sockets=bool(SOCKETS & profile.seen),
            )
        )


def _mounted(volumes: Iterable[str], options: RunOptions) -> Collection[str]:
    """Return the folders that are mounted into the container: volumes, bind mounts and tmpfs."""
    named = (entry.split(":")[1 if ":" in entry else 0] for entry in options.volumes)
    return {*volumes, *named, *(entry.partition(":")[0] for entry in options.tmpfs)}


def _problem(profile: SeccompProfile, differences: Iterable[Difference], culprit: str) -> str:
    """Say how the image differs under its profile, and which call may be the cause."""
    first = next(iter(differences))
    words = f"{first.where}: {first.what} is {first.actual}, not {first.expected}"
    if profile.beyond:
        return f"{words}. The app calls {listed(list(profile.beyond), SHOWN)}, which Docker's default profile refuses"
    if culprit:
        return f"{words}. It works if {culprit} is allowed, which no watched run called"
    return f"{words}. No watched run made a call that the profile refuses"
