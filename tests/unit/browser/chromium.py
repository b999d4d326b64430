"""Tests that need a real Chromium are skipped without one."""

from __future__ import annotations

import pytest

from slimmer.exercise.browser import program

needs_chromium = pytest.mark.skipif(program.missing() is not None, reason=f"{(program.missing() or ('',))[0]}")
