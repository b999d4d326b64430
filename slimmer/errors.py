"""The errors of slimmer. Each class has an exit code and a default hint.

Errors are raised anywhere below `cli/` and caught only there. The message says what happened, and the hint what to do about it. Exit
codes are part of the interface: scripts and pipelines depend on them.
"""

from __future__ import annotations


class SlimmerError(Exception):
    """The base class of all errors that a user sees. It is never raised itself."""

    exit_code = 1
    default_hint = ""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = self.default_hint if hint is None else hint


class ResourcesExhausted(SlimmerError):
    """This machine gives slimmer no more memory, descriptors or threads."""

    default_hint = "`ulimit -a` shows the limits of this shell; the machine may also be short of memory."


class UsageError(SlimmerError):
    """The command line, a probe file or the value of an option is invalid."""

    exit_code = 2
    default_hint = "`slimmer build --help` shows every option."


class PluginFailed(UsageError):
    """An analyzer from another package cannot be loaded, or conflicts with another analyzer."""

    default_hint = "`pip list` shows the installed packages."


class TargetNotFound(SlimmerError):
    """The engine has no such image, or several that match."""

    exit_code = 3
    default_hint = "`docker images` lists the images. slimmer pulls only with --pull."


class EngineUnreachable(SlimmerError):
    """No container engine answers."""

    exit_code = 4
    default_hint = (
        "Start Docker (or `podman system service`), or point DOCKER_HOST at a reachable engine; "
        "`docker version` should list a server."
    )


class EngineError(SlimmerError):
    """The engine refused a request from slimmer, or failed to carry it out."""

    exit_code = 4
    default_hint = "The engine's log has more details. `slimmer doctor` checks what slimmer needs."


class UnsupportedEngine(EngineError):
    """The engine answers, but lacks something that slimmer needs."""


class AppFailed(SlimmerError):
    """The app exited, crashed, or never became ready while it was observed."""

    exit_code = 5
    default_hint = "Run the image by hand with the same options. It must work before slimmer can slim it."


class NotInTime(AppFailed):
    """The app did not become ready, or did not exit, in its time. On a busy machine, that may not be its fault."""


class CompanionFailed(SlimmerError):
    """A companion of the app (--with) did not get ready, or failed while the app ran."""

    exit_code = 5
    default_hint = (
        "Try its image with `docker run`. Does it need variables (--with-env NAME:KEY=VALUE) or a command "
        "(--with 'NAME=IMAGE COMMAND')? To wait longer: --ready-timeout 180."
    )


class ExerciseFailed(SlimmerError):
    """A probe, a host command or a command in the container failed."""

    exit_code = 6
    default_hint = (
        "Nothing was built, because files that only the failed part needs would be missing from the slim image."
    )


class ObservationIncomplete(SlimmerError):
    """Events were lost, or nothing was recorded. slimmer builds no image from an incomplete observation."""

    exit_code = 7
    default_hint = "Try again on a less busy machine, or with another recorder: `--recorder ptrace`."


class VerificationFailed(SlimmerError):
    """The slim image differs from the original in its contents or its answers."""

    exit_code = 8
    default_hint = "The slim image was not tagged. The report in the output folder lists the differences."


class ProfileFailed(VerificationFailed):
    """The slim image works, but not under the seccomp profile that was made for it, or the engine does not enforce the profile."""

    default_hint = "The slim image itself was verified and tagged. No profile was written. Try --seccomp recommended, or exercise the app more."


class BuildFailed(SlimmerError):
    """The engine could not build or load the slim image."""

    exit_code = 9
    default_hint = "The engine's log has more details. `slimmer observe` and `slimmer keep` write a Dockerfile and rootfs.tar to try by hand."


class NoBuilder(BuildFailed):
    """The engine has no builder, or does not let this client use it."""

    default_hint = (
        "Use --builder load. `docker buildx build --tag TAG FOLDER` makes the image of an output folder with BuildKit."
    )


class OutputError(SlimmerError):
    """The output folder cannot be written."""

    exit_code = 10
    default_hint = "Choose another folder with --out, or free some space."


class GateFailed(SlimmerError):
    """A gate of a comparison failed. Both images are as they were."""

    exit_code = 11
    default_hint = "The comparison on stdout has the figures. docs/compare.md explains each gate."


class SandboxFailed(SlimmerError):
    """The child processes that read the image's files cannot be started."""

    exit_code = 1
    default_hint = "They need 150 MB of memory and two processes; `ulimit -a` shows this shell's limits."


class Interrupted(SlimmerError):
    """The user pressed Ctrl-C, or the process was told to terminate."""

    exit_code = 130
    default_hint = "`slimmer clean` removes what a slow engine may have left behind."
