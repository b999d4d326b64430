"""Fees, in exact numbers."""

from decimal import Decimal


def fee(days):
    return str(Decimal("0.10") * max(0, days - 28))
