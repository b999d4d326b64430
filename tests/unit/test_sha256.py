"""The probe's SHA-256 against Python's, with and without the processor's own instructions."""

from __future__ import annotations

import hashlib
import random
import subprocess
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "probes/files"
PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "sha256.h"
#include "util.h"

/* Takes the standard input as contents of a length in decimal, a newline and so many bytes; in pieces of argv[1]. */
int main(int argc, char **argv) {
    size_t most = argc > 1 ? strtoul(argv[1], NULL, 10) : 1, size;
    char *piece = xcalloc(most, 1), digest[SHA256_HEX_SIZE];
    while (scanf("%zu", &size) == 1 && getchar() == '\\n') {
        struct sha256 hash;
        sha256_start(&hash);
        for (size_t count; size && (count = fread(piece, 1, size < most ? size : most, stdin)); size -= count)
            sha256_add(&hash, piece, count);
        sha256_end(&hash, digest);
        puts(digest);
    }
    return 0;
}
"""


@pytest.fixture(scope="module", params=["fast", "portable"])
def program(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sha256")
    (folder / "main.c").write_text(PROGRAM)
    command: list[str | Path] = ["cc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror"]
    command += ["-DPORTABLE"] if request.param == "portable" else []
    command += ["-I", SOURCES, "-o", folder / "hash", folder / "main.c", SOURCES / "sha256.c", SOURCES / "util.c"]
    subprocess.run(command, check=True)
    return folder / "hash"


@pytest.mark.parametrize("piece", [1, 63, 64, 65, 4096])
def test_digests_are_those_of_python(program: Path, piece: int) -> None:
    contents = [random.Random(size).randbytes(size) for size in (*range(301), 1_000_003)]
    sent = b"".join(b"%d\n%b" % (len(content), content) for content in contents)
    result = subprocess.run([program, str(piece)], input=sent, capture_output=True, check=True)
    assert result.stdout.decode().split() == [hashlib.sha256(content).hexdigest() for content in contents]
