"""Java as a language: the names of its files. slimmer.keep.languages.java.rule finds what it loads."""

from __future__ import annotations

from slimmer.keep.language import Ecosystem

JAVA = Ecosystem(
    id="java",
    suffixes=frozenset((".java",)),
    compiled_suffixes=frozenset((".class", ".jar", ".war")),
    manifests=frozenset(("pom.xml",)),
    extension_folders=r"jvm|jre|jdk[^/]*|java[^/]*",
)
