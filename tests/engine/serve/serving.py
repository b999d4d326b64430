"""The probe's `serve` mode in a container, spoken to as docs/probe-protocol.md says, without slimmer's own client."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from slimmer.engine import description
from slimmer.engine.containers import Container
from slimmer.engine.resources import EngineResources
from slimmer.engine.streams import MultiplexedStream
from slimmer.image.config import ImageConfig
from slimmer.image.tree import Entry, Tree

DEBIAN = "debian:bookworm-slim"
CHUNK_LIMIT = 1 << 18
EMPTY = ImageConfig(image_id="", architecture="", os="linux")


@dataclass(frozen=True)
class Serve:
    """Stdin and stdout of a served container."""

    container: Container
    stream: MultiplexedStream

    def send(self, order: str, *fields: bytes) -> None:
        """An order with these fields, or with no payload when there are none."""
        payload = b"".join(field + b"\0" for field in fields)
        head = f"{order} {len(payload)}\n" if fields else f"{order}\n"
        self.stream.sendall(head.encode() + payload)

    def answer(self) -> tuple[bytes, str]:
        """The answer and its status."""
        content = b"".join(iter(self.chunk, b""))
        return content, self.chunk().decode(errors="surrogateescape")

    def chunk(self) -> bytes:
        length: int = struct.unpack("<L", self.stream.recv_exactly(4))[0]
        assert length <= CHUNK_LIMIT
        return self.stream.recv_exactly(length)

    def ask(self, order: str, *fields: bytes) -> tuple[bytes, str]:
        self.send(order, *fields)
        return self.answer()


@contextmanager
def served(
    scope: EngineResources,
    image: str,
    probe: Path,
    config: ImageConfig = EMPTY,
    script: str = "",
    purpose: str = "serve",
) -> Iterator[Serve]:
    """`serve` in a container of `image`; `script` is run there before (by sh, as root, with the same
    capabilities; $probe is the probe)."""
    mount = scope.lender.lend(probe, config, image)
    asked = description.pristine(config, image, mount)
    if script:
        asked |= {"Entrypoint": ["sh", "-euc", f"probe={mount.program}\n{script}\nexec $probe serve"], "Cmd": []}
    container = scope.create(asked, purpose)
    try:
        stream = container.attach()
        stream.set_timeout(60)
        container.start(collect_output=False)
        serve = Serve(container, stream)
        assert serve.chunk() == mount.nonce.encode()
        yield serve
        stream.close()
    finally:
        scope.remove(container)


def entries(serve: Serve) -> dict[str, Entry]:
    """All that `index` shows, the engine's own things among it."""
    blob, status = serve.ask("index")
    assert status == "ok"
    return {entry.path: entry for entry in Tree(blob)}


def lines(answer: tuple[bytes, str]) -> list[bytes]:
    """The lines of an answer that must be whole."""
    content, status = answer
    assert status == "ok"
    return content.splitlines()
