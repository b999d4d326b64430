"""A kit to test analyzers and languages without a container engine, in this project and in others.

    from slimmer.testing import LocalImage, by_rule, opened, run

    def test_a_script_brings_what_it_requires(tmp_path):
        image = LocalImage(tmp_path)
        image.add("/app/main.lua", "require 'shop.cart'")
        image.add("/app/shop/cart.lua")
        kept = run(ANALYZER, image.view(opened("/app/main.lua", by="/usr/bin/lua")))
        assert by_rule(kept, "lua") == {"/app/shop/cart.lua"}

A LocalImage is a folder that stands for an image. Its `view` is what an analyzer sees after the app has run and made the given
accesses. `run` runs one analyzer, and `run_policy` all analyzers of a policy. If an analyzer raises an exception, the kit passes it on
unchanged, with its traceback. The kit needs no test framework, and slimmer itself does not import it.
"""

from __future__ import annotations

from slimmer.testing.image import LocalImage, opened
from slimmer.testing.run import by_rule, files, run, run_policy

__all__ = ["LocalImage", "by_rule", "files", "opened", "run", "run_policy"]
