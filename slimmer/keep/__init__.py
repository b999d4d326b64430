"""Which paths stay, and why: pure functions from a tree and a log to a KeepSet."""
