"""The readers of the exercise. Their modules are imported only when an app has something to read, but a child must know them before."""

from __future__ import annotations

READERS = (
    "slimmer.exercise.crawl.links:read_links",
    "slimmer.exercise.api.discovery:read_mentions",
    "slimmer.exercise.api.document:read_description",
    "slimmer.exercise.graphql.document:read_schema",
)
"""Their places (slimmer.sandbox.readers)."""
