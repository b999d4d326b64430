"""The protocols that slimmer speaks, in the order in which it guesses."""

from __future__ import annotations

from slimmer.exercise.protocols.amqp import Amqp
from slimmer.exercise.protocols.dns import DatagramDns, Dns
from slimmer.exercise.protocols.ldap import Ldap
from slimmer.exercise.protocols.memcached import Memcached
from slimmer.exercise.protocols.mqtt import Mqtt
from slimmer.exercise.protocols.mysql import Mysql
from slimmer.exercise.protocols.postgresql import Postgresql
from slimmer.exercise.protocols.protocol import Session
from slimmer.exercise.protocols.redis import Redis
from slimmer.exercise.protocols.smtp import Smtp

PROTOCOLS: tuple[type[Session], ...] = (Redis, Postgresql, Mysql, Memcached, Smtp, Mqtt, Amqp, Ldap, Dns)
"""Those over TCP."""

DATAGRAMS: tuple[type[Session], ...] = (DatagramDns,)
"""Those over UDP. Their ports' numbers alone tell who may be asked: a guess could be a request of another protocol there."""


def named(name: str) -> type[Session]:
    """Return the protocol of this name. Raise KeyError if there is none."""
    return {one.name: one for one in (*PROTOCOLS, *DATAGRAMS)}[name]
