"""Keep what a Java program can load. This does nothing if no Java virtual machine ran."""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.keep.analyzer import BEYOND_OBSERVED, FunctionAnalyzer
from slimmer.keep.evidence import Evidence
from slimmer.keep.image_view import ImageView
from slimmer.keep.keepset import Finding
from slimmer.keep.languages.java.class_path import class_path
from slimmer.keep.languages.java.log import JavaLog
from slimmer.keep.languages.java.runtime import runtime
from slimmer.keep.languages.java.web_apps import web_apps
from slimmer.keep.sources.named_paths import PROGRAM

RULE = "java"


def java(image: ImageView) -> Iterator[Finding] | None:
    """Yield the runtime, the class path and the web applications of the Java programs that ran, and the programs that they start.

    None if there were none.
    """
    seen = JavaLog.of(image)
    return _findings(image, seen) if seen.homes else None


def _findings(image: ImageView, seen: JavaLog) -> Iterator[Finding]:
    yield from runtime(image.tree, seen.homes)
    yield from class_path(image, seen)
    yield from web_apps(image, seen)


ANALYZER = FunctionAnalyzer("java", BEYOND_OBSERVED, {RULE: Evidence.USED, PROGRAM: Evidence.USED}, java)
