"""Java as a language: how its files are called. What it loads is found by slimmer.keep.languages.java.rule."""

from __future__ import annotations

from slimmer.keep.language import Ecosystem

JAVA = Ecosystem(
    id="java",
    suffixes=frozenset((".java",)),
    compiled_suffixes=frozenset((".class", ".jar", ".war")),
    manifests=frozenset(("pom.xml",)),
    extension_folders=r"jvm|jre|jdk[^/]*|java[^/]*",
)
