"""The size of the margin: a share of the bytes that all other rules keep, or a number of bytes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from slimmer.keep.analyzer import Policy
from slimmer.keep.margin.order import Order


@dataclass(frozen=True, slots=True)
class Margin:
    """The bytes that the margin may add: `share` of what is kept without it, and `size` besides. `order` says which files come first."""

    share: Fraction = Fraction(0)
    size: int = 0
    order: Order = Order.RISK

    def __bool__(self) -> bool:
        return bool(self.share or self.size)

    def __str__(self) -> str:
        """Return the amount as an option takes it: "10%", "5000000" or "0"."""
        return f"{float(self.share * 100):g}%" if self.share else str(self.size)

    def budget(self, kept: int) -> int:
        """Return the bytes that may be added to an image in which `kept` bytes stay without the margin."""
        return int(self.share * kept) + self.size


NO_MARGIN = Margin()
USUAL = Margin(Fraction(1, 10))
"""The default under the policy `balanced`."""


def default_margin(policy: Policy) -> Margin:
    """Return the margin of a policy. `observed` keeps nothing that was not seen, and `generous` whole packages."""
    return USUAL if policy is Policy.BALANCED else NO_MARGIN
