"""`python -m slimmer` is `slimmer`."""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Run the command line, and names of files as UTF-8 whatever the locale says: artifacts are read elsewhere, too.

    Until it handles interrupts itself, which it has to be imported for, they just end the process: nothing is there to be
    removed yet, and Python's own way would show a traceback.
    """
    if sys.getfilesystemencoding() != "utf-8":
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from slimmer.cli.main import run

    run()


if __name__ == "__main__":
    main()
