"""The sources of generated requests. In a first run, they find requests; in a replay, the ones that they found are sent again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.generated import ask_again, covering
from slimmer.exercise.port_sweep import PortSweep
from slimmer.exercise.ports import FIRST_EPHEMERAL_PORT
from slimmer.exercise.result import Answer, GeneratedSet
from slimmer.formatting import counted

if TYPE_CHECKING:
    from slimmer.exercise.api.search import Place
    from slimmer.exercise.crawl.crawler import Site

MOST_SESSIONS = 4
"""The log-ins that are crawled, each for the whole time of a crawl."""


GRPC_PORTS = (50051,)
"""Ports that are asked for gRPC even if they did not react to a request. gRPC's own examples have this one."""


class Generators:
    """Sends the generated requests of one run. Afterwards, it has the answers of those that are kept, and what came of each source."""

    def __init__(self, context: ExerciseContext, sweep: PortSweep) -> None:
        self._context, self._sweep = context, sweep
        self.answers: tuple[Answer, ...] = ()
        self.sets: tuple[GeneratedSet, ...] = ()

    def run(self) -> None:
        """Send the requests that another run kept, or let each source find some. A source begins when the app has started."""
        known = self._context.mode.generated
        if known is not None:
            self.answers = tuple(ask_again(self._context, self._sweep, known))
        else:
            self._generate()
        if self._context.plan.grpc.on:
            self._call_services()
        if self._context.plan.protocols:
            self._converse()

    def _generate(self) -> None:
        plan = self._context.plan
        if plan.crawl.on or plan.api.on or plan.graphql.on:
            self._sweep.await_start()
        if plan.crawl.on:
            self._crawl()
        if plan.api.on:
            self._call()
        if plan.graphql.on:
            self._query()

    def _crawl(self) -> None:
        from slimmer.exercise.crawl.crawler import Site

        answers = self._sweep.answers()
        sites = [
            Site(port, self._sweep.scheme(port), tuple(answer for answer in answers if answer.port == port))
            for port in self._sweep.http_ports
            if self._is_lasting(port)
        ]
        sites = [site for site in sites if site.has_pages]
        if not sites or self._context.ended:
            return
        self._follow_links(sites, "crawled")
        for scenario, ports in self._sessions():
            sites = [
                Site(
                    port,
                    self._sweep.scheme(port),
                    tuple(one for one in answers if one.port == port and one.request.origin.file == scenario),
                    scenario,
                    self._sweep.conversation(port, scenario),
                )
                for port in ports
            ]
            self._follow_links(sites, f"logged in as {PurePath(scenario).name or '--probe'} does, crawled")

    def _follow_links(self, sites: Sequence[Site], doing: str) -> None:
        from slimmer.exercise.crawl.crawler import crawl

        if not self._context.ended:
            told, kept = crawl(self._context, sites, self._context.plan.crawl)
            self._take(told, kept, f"{doing} {told.asked:,} of {counted(told.found, 'page')}")

    def _sessions(self) -> list[tuple[str, list[int]]]:
        """Return the scenarios that have logged in, with the ports that will be the same in another run. Say which of them are too many."""
        found = {scenario: [*filter(self._is_lasting, ports)] for scenario, ports in self._sweep.sessions().items()}
        sessions = [(scenario, ports) for scenario, ports in found.items() if ports]
        outside = self._context.plan.crawl.outside
        most = 0 if outside else MOST_SESSIONS
        if len(sessions) > most:
            why = f", because {outside}" if outside else ""
            self._context.say(f"crawl: left out {len(sessions) - most} of {counted(len(sessions), 'log-in')}{why}")
        return sessions[:most]

    def _call(self) -> None:
        from slimmer.exercise.api.caller import call_api

        places = self._places()
        if not places or self._context.ended:
            return
        made = call_api(self._context, places, self._context.plan.api)
        if made is None:
            return
        told, kept, name = made
        called = (
            f"called {told.asked:,} of {counted(told.found, 'operation')} of {name}: {told.answered:,} answered 2xx"
        )
        self._take(told, kept, called if name else "")

    def _query(self) -> None:
        from slimmer.exercise.graphql.caller import ask_fields

        places = self._places()
        if not places or self._context.ended:
            return
        pages = (*self._sweep.answers(), *(one for one in self.answers if one.request.source in ("crawl", "browser")))
        made = ask_fields(self._context, places, pages)
        if made is None:
            return
        told, kept, path = made
        asked = f"asked for {told.asked:,} of {counted(told.found, 'field')} of GraphQL at {path}"
        self._take(told, kept, f"{asked}: {told.answered:,} answered without errors" if told.found else "")

    def _call_services(self) -> None:
        """Call the methods of gRPC servers: on ports that speak HTTP, and on others that did anything about a request."""
        known = self._context.mode.calls
        if known is None:
            self._find_services()
        elif known:
            from slimmer.exercise.grpc.caller import call_again

            self._sweep.await_other_ports()
            self.answers += tuple(call_again(self._context, known))

    def _find_services(self) -> None:
        if self._sweep.ports:
            self._sweep.await_start()
        ports = [(place.port, place.scheme) for place in self._places()]
        asked = self._context.plan.grpc.asked
        ports += [(port, "") for port in self._unspoken() if asked or self._sweep.reacted(port) or port in GRPC_PORTS]
        if self._context.ended or not (ports or asked):
            return
        from slimmer.exercise.grpc.caller import call_services, nothing_found, together

        called = call_services(self._context, ports)
        for one in called:
            self.answers += one.answers
            if one.answers:
                self._sweep.spoken += (one.port,)
                self._context.say(one.done)
            for line in one.told.limits:
                self._context.say(f"{one.told.source}: {line}")
        if asked and not called:
            none = nothing_found()
            self._context.say(f"{none.source}: {none.limits[0]}")
            self.sets += (none,)
        self.sets += together(called)

    def _places(self) -> list[Place]:
        """Return the ports that speak HTTP and will be the same in another run, the main one first."""
        from slimmer.exercise.api.search import Place

        main = self._sweep.main_port
        ports = sorted(filter(self._is_lasting, self._sweep.http_ports), key=lambda port: port != main)
        return [Place(port, self._sweep.scheme(port), *self._login(port)) for port in ports]

    def _login(self, port: int) -> tuple[str | None, Conversation | None]:
        """Return the first scenario that is logged in at a port, and what it has got. As with pages, its cookies are not for what is outside of the container."""
        sessions = {} if self._context.plan.crawl.outside else self._sweep.sessions()
        scenario = next((name for name, ports in sessions.items() if port in ports), None)
        return scenario, None if scenario is None else self._sweep.conversation(port, scenario)

    def _converse(self) -> None:
        """Speak with the ports that do not speak HTTP: in the protocols that another run knows, or those that are found out."""
        known = self._context.mode.sessions
        if known is None and (self._unspoken() or self._context.subject.bound_ports()):
            self._sweep.await_start()
            self._find_speakers(self._unspoken())
        elif known:
            from slimmer.exercise.protocols.source import converse_again

            self.answers += tuple(converse_again(self._context, known))

    def _find_speakers(self, ports: list[int]) -> None:
        from slimmer.exercise.protocols.source import converse

        told, answers = converse(self._context, ports, self._sweep.reacted)
        self._sweep.spoken += tuple(dict.fromkeys(answer.port for answer in answers))
        self.answers += answers
        self.sets += (told,) if ports or answers else ()

    def _unspoken(self) -> list[int]:
        """Return the ports that do not speak HTTP or gRPC and will be the same in another run."""
        silent = (port for port in self._sweep.ports if not self._sweep.scheme(port) and self._is_lasting(port))
        return [port for port in silent if port not in self._sweep.spoken]

    def _take(self, told: GeneratedSet, kept: tuple[Answer, ...], done: str) -> None:
        """Take what came of a source. Say what was `done`, if anything was, and what to know."""
        self.answers += kept
        self.sets += (told,)
        if done:
            self._context.say(f"{done}; {covering(told.kept)}")
        for line in told.limits:
            self._context.say(f"{told.source}: {line}")

    def _is_lasting(self, port: int) -> bool:
        """Return True if the port will be the same in another run."""
        mode = self._context.mode
        return port < FIRST_EPHEMERAL_PORT or port in (*mode.plan.named_ports, *mode.expected_ports)
