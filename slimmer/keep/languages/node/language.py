"""JavaScript and TypeScript, as Node runs them, as a language."""

from __future__ import annotations

import re

from slimmer.keep.language import Language
from slimmer.keep.languages.node.reader import Facts, read
from slimmer.keep.languages.node.resolver import NodeResolver

NODE = Language(
    id="node",
    version=8,
    facts_type=Facts,
    read=read,
    programs=re.compile(
        r"node(?:js)?[0-9.]{0,8}|bunx?(?:-[a-z0-9-]{1,40})?(?:\.exe)?|deno(?:rt)?(?:\.exe)?|tsx|ts-node(?:-[a-z]{1,20})?|electron"
    ),
    resolver=NodeResolver,
    lists=True,
    suffixes=frozenset((".js", ".mjs", ".cjs", ".jsx", ".ts", ".mts", ".cts", ".tsx")),
    compiled_suffixes=frozenset((".map", ".node")),
    dependency_folders=frozenset(("node_modules",)),
    manifests=frozenset(("package.json",)),
    extension_folders=r"node_modules",
)
