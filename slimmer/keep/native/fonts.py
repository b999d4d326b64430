"""Keep fonts for code that looks them up: fontconfig's configuration, and the installed fonts.

A program asks for a font when it draws a chart, a label, a subtitle or a PDF. Without fonts, letters are missing, and there is no
error. Code that matches fonts draws text, and the image's fonts are there for it. It imports the functions that match, or has their names
to find them with dlsym(3), as Java's runtime does. Source: fonts-conf(5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from slimmer.keep.analyzer import Kept
from slimmer.keep.image_view import ImageView, reach
from slimmer.keep.keepset import Finding, Reason
from slimmer.keep.native.code_reader import Code, CodeFollow
from slimmer.keep.sources.named_paths import whole_folder

RULE = "fonts"
FONTS_BYTES = 16 << 20
"""The largest folder of fonts that is kept, in bytes. From a larger one, only what was seen in use stays."""

_MATCHERS = frozenset(("FcFontMatch", "FcFontSort", "FcFontSetMatch", "FcFontSetSort"))
PHRASES = tuple(sorted(_MATCHERS))
"""The names of these functions, in code that finds them with dlsym."""

_CONFIGURATION = ("/etc/fonts", "/usr/share/fontconfig", "/usr/local/etc/fonts")
_FONTS = ("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/ghostscript/fonts")


def fonts(image: ImageView) -> CodeFollow:
    """Keep fonts as soon as some code looks for one."""
    return _Fonts(image).follow


class _Fonts:
    def __init__(self, image: ImageView) -> None:
        self._image, self._tree = image, image.tree
        self._answered = False

    def follow(self, codes: Sequence[Code], added: Sequence[str], kept: Kept) -> Iterator[Finding]:
        """Yield all fonts when the first code that matches fonts appears."""
        code = next((code for code in codes if not _MATCHERS.isdisjoint(code.elf.imports | code.mentions)), None)
        if self._answered or code is None:
            return
        self._answered = True
        reason = Reason(RULE, f"{code.path} looks fonts up", code.path)
        for folder in (*_CONFIGURATION, *_FONTS):
            end = self._image.end(folder)
            if end is not None and end.path.count("/") > 1:
                yield from reach(self._tree, folder, reason)
                yield from whole_folder(self._tree, end.path, reason, FONTS_BYTES)
