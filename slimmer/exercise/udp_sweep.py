"""Carry out the exchanges over UDP, each with its port, in the plan's order."""

from __future__ import annotations

from slimmer.exercise.client import Reply, Trouble
from slimmer.exercise.context import ExerciseContext
from slimmer.exercise.conversation import Conversation
from slimmer.exercise.exchange import Exchange
from slimmer.exercise.result import Answer
from slimmer.exercise.verdict import judge

PAUSE = 0.25
UNREACHABLE = "UDP needs a container whose address this machine can reach"


class UdpSweep:
    """The exchanges over UDP of one exercise. Nobody relays datagrams, so they need a container that can be reached directly."""

    def __init__(self, context: ExerciseContext) -> None:
        self._context = context
        self.answers: list[tuple[int, int, Answer]] = []
        """The answers so far, each with its position in the plan and its port."""

    def ask(self) -> None:
        """Carry out all exchanges."""
        for position, exchange in self._context.plan.udp_asks:
            assert exchange.port is not None
            reply = Reply(trouble=Trouble.GONE) if self._context.ended else self._reply(exchange, exchange.port)
            answer = self._context.within_room(judge(exchange, exchange.port, reply))
            self.answers.append((position, exchange.port, answer))
            if reply.trouble is Trouble.SILENT:
                self._context.subject.check_observed()
        if self.answers:
            self._context.check_running("while UDP was exercised")

    def _reply(self, exchange: Exchange, port: int) -> Reply:
        """Try again while nobody listens and the app may still get ready."""
        endpoint = self._context.subject.datagram_endpoint(port)
        if endpoint is None:
            return Reply(trouble=Trouble.UNSENT, reason=UNREACHABLE)
        while True:
            reply = Conversation(port).ask(exchange, endpoint, "", self._context.mode.request_timeout)
            if reply.trouble is not Trouble.REFUSED or self._context.ready_in <= 0 or self._context.ended:
                return reply
            self._context.pause(PAUSE)
