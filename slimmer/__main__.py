"""`python -m slimmer` is `slimmer`."""

from slimmer.cli.main import run

run()
