"""Exit codes of commands and apps that did not end by themselves."""

KILLED = 137
"""The exit code of a process that was killed, or ended with its container before it could report: 128 plus the number of SIGKILL."""

TIMED_OUT = 124
"""The exit code of a command that did not end in time, as with timeout(1)."""
