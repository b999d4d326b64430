"""Warn of a storm."""

from pathlib import Path


def warn(place):
    Path(__file__).with_name("siren.txt").read_text()
