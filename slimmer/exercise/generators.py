"""The sources of generated requests. In a first run, they find requests; in a replay, the ones that they found are sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.generated import ask_again
from slimmer.exercise.port_sweep import PortSweep
from slimmer.exercise.ports import FIRST_EPHEMERAL_PORT
from slimmer.exercise.result import Answer, GeneratedSet
from slimmer.formatting import counted

if TYPE_CHECKING:
    from slimmer.exercise.api.search import Place


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
        from slimmer.exercise.crawl.crawler import Site, crawl

        answers = self._sweep.answers()
        sites = [
            Site(port, self._sweep.scheme(port), tuple(answer for answer in answers if answer.port == port))
            for port in self._sweep.http_ports
            if self._is_lasting(port)
        ]
        sites = [site for site in sites if site.has_pages]
        if not sites or self._context.ended:
            return
        told, kept = crawl(self._context, sites, self._context.plan.crawl)
        self._take(told, kept, f"crawled {told.asked:,} of {counted(told.found, 'page')}")

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

    def _places(self) -> list[Place]:
        """Return the ports that speak HTTP and will be the same in another run, the main one first."""
        from slimmer.exercise.api.search import Place

        main = self._sweep.main_port
        ports = sorted(filter(self._is_lasting, self._sweep.http_ports), key=lambda port: port != main)
        return [Place(port, self._sweep.scheme(port)) for port in ports]

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
        self._sweep.spoken = tuple(dict.fromkeys(answer.port for answer in answers))
        self.answers += answers
        self.sets += (told,) if ports or answers else ()

    def _unspoken(self) -> list[int]:
        """Return the ports that do not speak HTTP and will be the same in another run."""
        return [port for port in self._sweep.ports if not self._sweep.scheme(port) and self._is_lasting(port)]

    def _take(self, told: GeneratedSet, kept: tuple[Answer, ...], done: str) -> None:
        """Take what came of a source. Say what was `done`, if anything was, and what to know."""
        self.answers += kept
        self.sets += (told,)
        if done:
            self._context.say(f"{done}; {_covering(told.kept)}")
        for line in told.limits:
            self._context.say(f"{told.source}: {line}")

    def _is_lasting(self, port: int) -> bool:
        """Return True if the port will be the same in another run."""
        mode = self._context.mode
        return port < FIRST_EPHEMERAL_PORT or port in (*mode.plan.named_ports, *mode.expected_ports)


def _covering(requests: int) -> str:
    """Return what the requests that are kept stand for, in words."""
    if not requests:
        return "they opened nothing new"
    return f"{counted(requests, 'request')} {'covers' if requests == 1 else 'cover'} what they opened"
