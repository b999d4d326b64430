"""What is known about an app before its first run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AppProfile:
    """What the image's configuration says about the app.

    `expected_ports`: the TCP ports that the image EXPOSEs, or those that an access log from another run names. `udp_ports`: the
    same of UDP. `healthcheck`: the HEALTHCHECK's command; () if there is none. `own_command`: the container runs the image's own
    command, not one that the user gave.
    """

    expected_ports: tuple[int, ...] = ()
    udp_ports: tuple[int, ...] = ()
    healthcheck: tuple[str, ...] = ()
    own_command: bool = False
