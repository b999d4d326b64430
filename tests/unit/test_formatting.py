"""What is shown stays short, whatever an image has in it."""

from __future__ import annotations

from slimmer.formatting import listed


def test_few_values_are_all_listed() -> None:
    assert listed([]) == ""
    assert listed([80, 443]) == "80, 443"
    assert listed(range(10)) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9"


def test_of_many_values_the_first_are_listed_and_the_others_counted() -> None:
    assert listed(range(1, 65_536)) == "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 65,525 more"
