"""Keep what a Java program can load. Nothing is looked for where no virtual machine was seen."""

from __future__ import annotations

from collections.abc import Iterator

from slimmer.keep.image_view import Context
from slimmer.keep.keepset import Finding
from slimmer.keep.languages.java.class_path import class_path
from slimmer.keep.languages.java.log import JavaLog
from slimmer.keep.languages.java.runtime import runtime
from slimmer.keep.languages.java.web_apps import web_apps


def java(context: Context) -> Iterator[Finding]:
    """The runtime, the class path and the web applications of the Java programs that were seen to run."""
    seen = JavaLog.of(context)
    if seen.homes:
        yield from runtime(context.tree, seen.homes)
        yield from class_path(context, seen)
        yield from web_apps(context.tree, seen)
