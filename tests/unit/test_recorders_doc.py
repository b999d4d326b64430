"""The table of docs/recorders.md is the one that the probe's tests hold against real containers."""

from __future__ import annotations

from pathlib import Path

from tests.engine.probe.cases import TABLE

DOC = Path(__file__).parents[2] / "docs/recorders.md"


def test_the_docs_show_the_table_of_the_tests() -> None:
    section = DOC.read_text(encoding="utf-8").partition("## What they see")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("|")]
    assert rows[0] == ["what a process does", "notify", "ptrace", "fanotify", "bpf"]
    assert rows[2:] == [[line.what, line.notify, line.ptrace, line.fanotify, line.bpf] for line in TABLE]
