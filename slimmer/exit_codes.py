"""Exit codes that several parts of slimmer give to commands and apps which did not end by themselves."""

KILLED = 137
"""Of what had to be killed, or ended with its container before it could tell: 128 and the number of SIGKILL."""

TIMED_OUT = 124
"""Of a command that did not end in time, as with timeout(1)."""
