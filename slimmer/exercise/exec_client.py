"""What SLIMMER_EXEC runs: it passes its arguments on, prints the command's output, and exits with the command's exit code.

It runs as a plain file without site packages, so that it starts fast. So it imports nothing but the standard library.
"""

from __future__ import annotations

import json
import socket
import sys

UNREACHABLE = 125


def main(path: str, argv: list[str]) -> int:
    """Make one call over the Unix socket at `path`. Return the command's exit code, or 125 if slimmer is gone."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(path)
            connection.sendall(json.dumps({"argv": argv}).encode())
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as answer:
                result = json.loads(answer.read())
    except (OSError, ValueError) as error:
        sys.stderr.write(f"slimmer no longer answers: {error}\n")
        return UNREACHABLE
    sys.stdout.buffer.write(result["output"].encode(errors="surrogateescape"))
    return int(result["code"])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
