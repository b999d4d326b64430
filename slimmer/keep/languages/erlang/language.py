"""Erlang and Elixir: the names of their files. slimmer.keep.languages.erlang.applications finds what they load."""

from __future__ import annotations

from slimmer.keep.language import Ecosystem

ERLANG = Ecosystem(
    id="erlang",
    suffixes=frozenset((".erl", ".hrl", ".ex", ".exs", ".heex", ".eex")),
    compiled_suffixes=frozenset((".beam",)),
    manifests=frozenset(("mix.exs", "rebar.config")),
    extension_folders=r"priv",
)
