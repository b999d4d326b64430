"""Resources in the engine that are removed at once, and not in the background: then a test can remove their images."""

from __future__ import annotations

from slimmer.engine.containers import Container
from slimmer.engine.resources import EngineResources


class PromptResources(EngineResources):
    """What a test makes in the engine. An image that a container still uses cannot be removed, or stays without a name."""

    def remove_soon(self, container: Container) -> None:
        """Remove a container now."""
        self.remove(container)
