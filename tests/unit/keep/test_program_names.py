"""Names of programs, however a distribution writes them, and the tables that they stand in."""

from __future__ import annotations

import pytest

from slimmer.keep.program_names import COMPILERS, INTERPRETERS, SHELLS, has_name_of, is_tool_of_attackers
from slimmer.keep.word_tables import like, words


@pytest.mark.parametrize(
    "name",
    [
        "sh",
        "pip3.11",
        "gcc-12",
        "x86_64-linux-gnu-ld",
        "aarch64-linux-gnu-gcc-ar-12",
        "nc.openbsd",
        "tnftp",
        "apt-listchanges",
        "cc1plus",
    ],
)
def test_tools_that_help_an_attacker_have_many_names(name: str) -> None:
    assert is_tool_of_attackers(name)


@pytest.mark.parametrize(
    "name", ["nginx", "postgres", "redis-server", "shell", "gccgo.conf", "pipeline", "aptly", "hostname"]
)
def test_programs_of_an_app_are_no_such_tools(name: str) -> None:
    assert not is_tool_of_attackers(name)


def test_a_name_is_looked_for_with_and_without_its_version() -> None:
    assert has_name_of("python3.11", INTERPRETERS) and has_name_of("php8.2", INTERPRETERS)
    assert not has_name_of("php-fpm8.2", INTERPRETERS)
    assert has_name_of("f77", COMPILERS)
    assert has_name_of("bash", SHELLS) and not has_name_of("bashful", SHELLS)


def test_a_table_has_the_words_of_all_its_lines() -> None:
    assert words("a b", " c  b ") == {"a", "b", "c"}


def test_a_star_in_a_table_stands_for_any_characters_and_a_dot_for_itself() -> None:
    names = like("gcc*", "*.pem x")
    assert all(names.match(name) for name in ("gcc", "GCC-12", "a.pem", "x"))
    assert not any(names.match(name) for name in ("agcc", "apem", "xy", "a.pem.txt"))
