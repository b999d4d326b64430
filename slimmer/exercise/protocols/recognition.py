"""Which protocol does a port speak? What it answers tells; its number only orders the guesses."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from slimmer.exercise.protocols.protocol import Session
from slimmer.exercise.protocols.table import DATAGRAMS, PROTOCOLS
from slimmer.exercise.protocols.wire import Nonsense, Wire
from slimmer.exercise.subject import Subject

GREETING = 0.3
"""Seconds to wait for what a server says first, if no protocol is likely. It needs no request for that."""

PATIENCE = 12.0
"""The same, and for an answer, if a protocol is likely. A server may look up this side's name first, which takes 5 or 10 s
without a name server (resolv.conf(5))."""

ANSWER = 1.0
"""Seconds to wait for the answer to a guess."""

MOST_SILENT = 2
"""After so many guesses without an answer, the port gets no further ones."""


def recognise(subject: Subject, port: int, *, known_alone: bool = False) -> type[Session] | None:
    """Return what the port speaks; None if that is none of the protocols. With `known_alone`, only a likely protocol is tried.

    A protocol is likely if it is that of the port's number, or if its servers serve UDP, too, and the app does so at the same port.
    Each guess has a connection of its own. No guess changes anything. A server that greets in another protocol gets no guess.
    """
    both = port in subject.bound_ports()
    likely = [one for one in PROTOCOLS if port in one.ports or (both and one.has_datagrams)]
    others = [] if known_alone else [one for one in PROTOCOLS if one not in likely]
    if not likely and not others:
        return None
    patience = PATIENCE if any(not one.hello for one in likely) else GREETING
    with contextlib.suppress(OSError, Nonsense), Session.open(subject, port, patience) as wire:
        return _greeter((*likely, *others), wire)
    silent = 0
    for guess in [one for one in (*likely, *others) if one.hello]:
        if silent >= MOST_SILENT:
            break
        try:
            if guess.knows(_first(subject, port, guess, PATIENCE if guess in likely else ANSWER)):
                return guess
        except TimeoutError:
            silent += 1
        except (OSError, Nonsense):
            continue
    return None


def recognise_datagrams(subject: Subject, port: int) -> type[Session] | None:
    """Return what a UDP port speaks, as `recognise` does, if its number is one of a known protocol."""
    for guess in DATAGRAMS:
        with contextlib.suppress(OSError, Nonsense):
            if port in guess.ports and guess.knows(_first(subject, port, guess, ANSWER)):
                return guess
    return None


def _greeter(guesses: Sequence[type[Session]], wire: Wire) -> type[Session] | None:
    """Return the protocol in which the server greets; None if it is none of these. Raise OSError if it says nothing."""
    first = wire.peek()
    guess = next((one for one in guesses if one.knows(first)), None)
    if guess is None:
        return None
    wire.allow(PATIENCE)
    with contextlib.suppress(OSError, ValueError):
        return guess if guess.confirms(wire) else None
    return None


def _first(subject: Subject, port: int, guess: type[Session], seconds: float) -> bytes:
    """Return what the server answers at once. Raise OSError or Nonsense."""
    with guess.open(subject, port, seconds) as wire:
        wire.send(guess.hello)
        return wire.peek()
