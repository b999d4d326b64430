"""What readers of zip archives share. An archive comes from an untrusted image, so it is read in a child process (slimmer.sandbox)."""

from __future__ import annotations

import codecs
import zipfile
import zlib

BROKEN = (zipfile.BadZipFile, KeyError, OSError, RuntimeError, ValueError, NotImplementedError, EOFError, zlib.error)
"""What zipfile raises for archives that are damaged, encrypted or of an unknown kind."""

codecs.lookup("cp437")  # for names in archives: a confined child cannot load modules
