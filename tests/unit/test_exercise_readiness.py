"""When an app counts as ready, as a command that has ended, as a worker, and as one that never got ready."""

from __future__ import annotations

import contextlib
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from slimmer.errors import AppFailed, NotInTime
from slimmer.exercise.drive import UNKNOWN, exercise
from slimmer.exercise.expectations import ReplayExpectations, replay_expectations
from slimmer.exercise.plan import ExercisePlan, Until
from slimmer.exercise.profile import AppProfile
from slimmer.exercise.request import Request
from slimmer.exercise.result import ExerciseResult
from tests.unit.local_app import LocalApp, free_port
from tests.work import HANGING


def run(
    folder: Path,
    source: str,
    plan: ExercisePlan,
    expectations: ReplayExpectations | None = None,
    profile: AppProfile = UNKNOWN,
    *,
    begun: bool = False,
) -> ExerciseResult:
    """Start the app, exercise it (once it has begun), kill it."""
    with LocalApp(folder, source, begun=begun) as app:
        return exercise(app, plan, expectations, profile=profile)


def test_a_server_that_starts_slowly_is_waited_for(tmp_path: Path) -> None:
    assert run(tmp_path, "time.sleep(1.2); serve(); forever()", ExercisePlan()).answers[0].status == 200


def test_a_command_that_ends_well_is_what_it_was_to_be(tmp_path: Path) -> None:
    exercised = run(tmp_path, "print('1.0')", ExercisePlan())
    assert exercised.exit_code == 0
    assert not (exercised.answers or exercised.ports or exercised.problems or exercised.warnings)


def test_a_command_of_an_image_that_exposes_a_port_may_end_too(tmp_path: Path) -> None:
    exercised = run(tmp_path, "print('1.0')", ExercisePlan(), profile=AppProfile(expected_ports=(80,)))
    assert exercised.exit_code == 0
    assert "EXPOSE" in exercised.warnings[0]


def test_an_image_that_means_to_listen_and_ends_instead_is_a_failure(tmp_path: Path) -> None:
    profile = AppProfile(expected_ports=(80, 8080), own_command=True)
    with pytest.raises(
        AppFailed, match=r"(?s)code 0 before it listened on ports 80, 8080, which .*usage: serve"
    ) as error:
        run(tmp_path, "print('usage: serve FILE')", ExercisePlan(), profile=profile)
    assert "--until exit" in error.value.hint
    for other in (ExercisePlan(until=Until.EXIT), ExercisePlan(http=False)):
        assert run(tmp_path, "print('usage: serve FILE')", other, profile=profile).exit_code == 0


def test_a_tool_of_which_only_its_own_command_was_seen_is_told(tmp_path: Path) -> None:
    warnings = run(
        tmp_path, "print('usage: convert FILE')", ExercisePlan(), profile=AppProfile(own_command=True)
    ).warnings
    assert len(warnings) == 1 and "--cmd" in warnings[0]


def test_a_command_that_fails_shows_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(AppFailed, match=r"(?s)code 4.*no configuration") as error:
        run(tmp_path, "print('no configuration'); sys.exit(4)", ExercisePlan())
    assert "--env" in error.value.hint


def test_a_command_that_fails_on_replay_is_there_to_be_compared(tmp_path: Path) -> None:
    plan, expectations = ExercisePlan(), replay_expectations(ExerciseResult(exit_code=0, seconds=0.1))
    assert run(tmp_path, "sys.exit(4)", plan, expectations).exit_code == 4


def test_a_slim_server_that_exits_at_once_is_a_failure(tmp_path: Path) -> None:
    plan, expectations = ExercisePlan(), replay_expectations(ExerciseResult(http_ports=(8080,), seconds=0.1))
    with pytest.raises(AppFailed, match=r"(?s)code 0 before it listened on port 8080.*gone"):
        run(tmp_path, "print('gone')", plan, expectations)


def test_a_slim_server_that_does_not_listen_is_a_failure(tmp_path: Path) -> None:
    plan, expectations = (
        ExercisePlan(ready_timeout=0.5, until=Until.SECONDS, seconds=0.1),
        replay_expectations(ExerciseResult(http_ports=(8080,))),
    )
    with pytest.raises(AppFailed, match="port 8080 did not open"):
        run(tmp_path, "forever()", plan, expectations)


@pytest.mark.parametrize(
    "plan",
    [
        ExercisePlan(ports=(8080,)),
        ExercisePlan(requests=(Request("GET", "/x"),), explicit=True),
        ExercisePlan(exec_commands=(("true",),)),
    ],
    ids=["port", "request", "exec"],
)
def test_an_app_that_ends_before_it_could_be_exercised_as_asked_is_a_failure(
    tmp_path: Path, plan: ExercisePlan
) -> None:
    with pytest.raises(AppFailed, match="code 0 before"):
        run(tmp_path, "", plan)


@pytest.mark.parametrize("until", [Until.PROBES, Until.EXIT])
def test_an_app_that_listens_elsewhere_than_the_image_exposes_gets_the_requests(tmp_path: Path, until: Until) -> None:
    """A command line often moves the port. The EXPOSEd one never opens, and need not be waited for."""
    plan = ExercisePlan(requests=(Request("GET", "/"),), explicit=True, until=until, ready_timeout=HANGING)
    source = "serve(); forever()" if until is Until.PROBES else "serve(); time.sleep(2)"
    exercised = run(tmp_path, source, plan, profile=AppProfile(expected_ports=(80,), own_command=True))
    assert [answer.status for answer in exercised.answers] == [200]


def test_an_exposed_port_on_which_nothing_listens_is_never_ready(tmp_path: Path) -> None:
    profile = AppProfile(expected_ports=(80, 443))
    with pytest.raises(
        AppFailed, match=r"(?s)not ready within 0.5 s.*ports 80, 443.*listens on no port.*thinking"
    ) as error:
        source, plan = "print('thinking', flush=True); forever()", ExercisePlan(ready_timeout=0.5)
        run(tmp_path, source, plan, profile=profile, begun=True)
    assert "--ready-timeout" in error.value.hint


def test_a_named_port_on_which_nothing_listens_is_never_ready(tmp_path: Path) -> None:
    port = free_port()
    with pytest.raises(AppFailed, match=f"port {port} did not open.*it listens on port"):
        run(tmp_path, "serve(); forever()", ExercisePlan(ports=(port,), ready_timeout=1.0), begun=True)


def test_an_app_that_listens_elsewhere_than_exposed_is_ready(tmp_path: Path) -> None:
    exercised = run(tmp_path, "serve(); forever()", ExercisePlan(), profile=AppProfile(expected_ports=(81,)))
    assert exercised.answers[0].status == 200
    assert "EXPOSE" in exercised.warnings[0]


def free_udp_port() -> int:
    """A UDP port below those that the kernel gives to clients."""
    for port in range(20000, 30000):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bound:
            bound.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no free port")


UDP = "bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); bound.bind(('127.0.0.1', {})); "


def test_a_server_of_udp_alone_is_ready_when_it_has_bound_its_port(tmp_path: Path) -> None:
    port = free_udp_port()
    profile = AppProfile(udp_ports=(port,), own_command=True)
    exercised = run(tmp_path, "time.sleep(0.3); " + UDP.format(port) + "forever()", ExercisePlan(), profile=profile)
    assert (exercised.udp_ports, exercised.ports, exercised.exit_code) == ((port,), (), None)
    assert "only the start of the app was observed" in exercised.warnings[0]
    expectations = replay_expectations(exercised)
    assert run(tmp_path, UDP.format(port) + "forever()", ExercisePlan(), expectations).udp_ports == (port,)
    with pytest.raises(NotInTime, match=f"port {port} did not"):
        run(tmp_path, "forever()", ExercisePlan(ready_timeout=0.5), replace(expectations, ready_after=0.1))


def test_a_server_of_udp_needs_no_expose(tmp_path: Path) -> None:
    port = free_udp_port()
    assert run(tmp_path, UDP.format(port) + "forever()", ExercisePlan()).udp_ports == (port,)
    beside = (
        "serve(); time.sleep(0.5); " + UDP.format(port) + "forever()"
    )  # a client's, which may have another port next time
    assert run(tmp_path, beside, ExercisePlan(), profile=AppProfile()).udp_ports == ()


def test_a_slim_server_that_exits_before_it_binds_its_port_is_a_failure(tmp_path: Path) -> None:
    with pytest.raises(AppFailed, match="code 0 before it listened on port 69"):
        run(tmp_path, "", ExercisePlan(), ReplayExpectations(udp_ports=(69,)))


HELPER = "raw(lambda client: (time.sleep(600), client)); "
"""A helper of the app, which listens long before the app itself: RabbitMQ's port mapper, for one."""


def test_an_exposed_port_is_waited_for_though_another_is_open(tmp_path: Path) -> None:
    port = free_port()
    profile = AppProfile(expected_ports=(port,), own_command=True)
    plan = ExercisePlan(request_timeout=0.2)
    assert run(tmp_path, HELPER + f"time.sleep(2.0); serve({port}); forever()", plan, profile=profile).http_ports == (
        port,
    )


def test_an_exposed_port_that_never_opens_is_a_failure_unless_the_app_was_exercised(tmp_path: Path) -> None:
    profile, plan = (
        AppProfile(expected_ports=(5672, 15672), own_command=True),
        ExercisePlan(ready_timeout=1.0, request_timeout=0.2),
    )
    for one in (plan, replace(plan, http=False)):
        with pytest.raises(NotInTime, match="ports 5672, 15672 did not open; it listens on port"):
            run(tmp_path, HELPER + "forever()", one, profile=profile)
    for other in (
        replace(plan, exec_commands=(("true",),)),
        replace(plan, until=Until.SECONDS, seconds=0.2),
    ):
        assert "EXPOSE" in run(tmp_path, HELPER + "forever()", other, profile=profile).warnings[0]
    assert run(tmp_path, HELPER + "serve(); forever()", plan, profile=profile).answers[0].status == 200
    assert run(tmp_path, HELPER + "forever()", plan, profile=replace(profile, own_command=False)).problems == ()


def test_an_exposed_port_that_never_opens_beside_one_that_does_is_not_waited_for(tmp_path: Path) -> None:
    port = free_port()
    profile = AppProfile(expected_ports=(81, port), own_command=True)
    with LocalApp(tmp_path, f"serve({port}); forever()", watched=True) as app:
        exercised = exercise(app, ExercisePlan(), profile=profile)
    assert exercised.http_ports == (port,) and exercised.seconds < HANGING


STARTING = "serve(); \nfor _ in range(24): time.sleep(0.05); print('opening', flush=True)\nserve(); forever()"


def test_an_app_that_is_still_starting_is_exercised_until_it_has_started(tmp_path: Path) -> None:
    with LocalApp(tmp_path, STARTING, watched=True) as app:
        assert len(exercise(app, ExercisePlan()).http_ports) == 2


def test_an_app_that_always_does_something_new_comes_to_an_end(tmp_path: Path) -> None:
    source = "serve(); \nwhile True: time.sleep(0.01); print('opening', flush=True)"
    with LocalApp(tmp_path, source, watched=True) as app:
        assert exercise(app, ExercisePlan(ready_timeout=2.0)).problems == ()


@pytest.mark.parametrize("plan", [ExercisePlan(ready_timeout=2.0), ExercisePlan(until=Until.SECONDS, seconds=0.2)])
def test_an_exposed_port_that_never_opens_is_no_failure_if_the_app_always_does_something_new(
    tmp_path: Path, plan: ExercisePlan
) -> None:
    port = free_port()
    profile = AppProfile(expected_ports=(81, port), own_command=True)
    source = f"serve({port}); \nwhile True: time.sleep(0.01); print('opening', flush=True)"
    with LocalApp(tmp_path, source, watched=True) as app:
        assert exercise(app, replace(plan, ready_timeout=2.0), profile=profile).http_ports == (port,)


def test_an_app_that_is_watched_for_some_seconds_is_ready_when_it_has_settled(tmp_path: Path) -> None:
    port = free_port()
    profile = AppProfile(expected_ports=(81, port), own_command=True)
    plan = ExercisePlan(until=Until.SECONDS, seconds=0.2, ready_timeout=600.0)
    with LocalApp(tmp_path, f"serve({port}); forever()", watched=True) as app:
        exercised = exercise(app, plan, profile=profile)
    assert exercised.http_ports == (port,) and exercised.seconds < HANGING


def test_the_slim_image_is_watched_for_as_long_as_the_original(tmp_path: Path) -> None:
    port = free_port()
    expectations = ReplayExpectations(http_ports=(port,), watched=1.5)
    exercised = run(tmp_path, f"serve({port}); forever()", ExercisePlan(), expectations)
    assert exercised.seconds - exercised.ready_after >= 1.5
    with pytest.raises(AppFailed, match="exited with code 3"):
        run(tmp_path, f"serve({port}); time.sleep(1.0); os._exit(3)", ExercisePlan(), expectations)


def test_a_port_that_closes_is_not_there_at_the_end(tmp_path: Path) -> None:
    port = free_port()
    source = f"""
        listener = socket.create_server(("127.0.0.1", {port}))
        time.sleep(0.7); listener.close(); forever()
    """
    plan, expectations = ExercisePlan(http=False), ReplayExpectations(other_ports=(port,), watched=1.5)
    exercised = run(tmp_path, source, plan, expectations)
    assert (exercised.ports, exercised.last_ports) == ((port,), ())


def test_a_slim_image_has_more_time_if_the_original_was_slow(tmp_path: Path) -> None:
    port = free_port()
    source = f"""
        class Slow(Handler):
            def get_(self):
                time.sleep(1.0)
                self.answer(200, b"late")
        time.sleep(1.0); serve({port}, handler=Slow); forever()
    """
    plan = ExercisePlan(ready_timeout=0.5, request_timeout=0.5)
    expectations = ReplayExpectations(http_ports=(port,), ready_after=5.0, slowest=5.0)
    assert run(tmp_path, source, plan, expectations).answers[0].status == 200
    with pytest.raises(NotInTime):
        run(tmp_path, source, plan, replace(expectations, ready_after=0.1))


def test_a_worker_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AppFailed, match="not ready") as error:
        run(tmp_path, "forever()", ExercisePlan(ready_timeout=0.3))
    assert "--until 30" in error.value.hint and "--until exit" in error.value.hint


def test_a_worker_is_watched_for_as_long_as_asked(tmp_path: Path) -> None:
    started = time.monotonic()
    exercised = run(tmp_path, "forever()", ExercisePlan(until=Until.SECONDS, seconds=0.8))
    assert 0.8 <= time.monotonic() - started < HANGING
    assert exercised.exit_code is None and exercised.problems == ()


def test_a_worker_that_ends_while_it_is_watched_is_fine(tmp_path: Path) -> None:
    assert run(tmp_path, "time.sleep(0.3)", ExercisePlan(until=Until.SECONDS, seconds=20.0)).exit_code == 0


def test_seconds_do_not_cut_short_a_server_that_starts_slowly(tmp_path: Path) -> None:
    port = free_port()
    plan = ExercisePlan(until=Until.SECONDS, seconds=0.1)
    profile = AppProfile(expected_ports=(port,))
    assert run(tmp_path, f"time.sleep(0.8); serve({port}); forever()", plan, profile=profile).http_ports == (port,)


def test_a_worker_with_commands_is_exercised_by_them(tmp_path: Path) -> None:
    exercised = run(tmp_path, "forever()", ExercisePlan(exec_commands=(("true",),), ready_timeout=0.3))
    assert [outcome.exit_code for outcome in exercised.outcomes] == [0]


def test_a_long_command_is_waited_for_when_its_exit_is_the_end(tmp_path: Path) -> None:
    plan = ExercisePlan(until=Until.EXIT, ready_timeout=0.2)
    assert run(tmp_path, "time.sleep(1.0)", plan).exit_code == 0


def test_a_slim_command_that_does_not_end_is_a_failure(tmp_path: Path) -> None:
    plan, expectations = ExercisePlan(ready_timeout=0.3), replay_expectations(ExerciseResult(exit_code=0, seconds=0.01))
    with pytest.raises(AppFailed, match="did not exit within"):
        run(tmp_path, "forever()", plan, expectations)


def test_a_slim_worker_that_goes_on_as_the_original_is_fine(tmp_path: Path) -> None:
    plan, expectations = (
        ExercisePlan(ready_timeout=0.3, until=Until.SECONDS, seconds=0.5),
        replay_expectations(ExerciseResult(seconds=0.5)),
    )
    exercised = run(tmp_path, "forever()", plan, expectations)
    assert exercised.exit_code is None and exercised.problems == ()


def test_a_port_of_the_kernels_choice_is_not_waited_for_again(tmp_path: Path) -> None:
    plan, expectations = ExercisePlan(ready_timeout=0.5), replay_expectations(ExerciseResult(ports=(40001,)))
    assert run(tmp_path, "forever()", plan, expectations).problems == ()
