"""A Python that a script needs, although the run did not start it, has the modules of its start and those that the script imports."""

from __future__ import annotations

from pathlib import Path

from slimmer.keep.analyzer import Policy
from slimmer.testing import LocalImage, opened, run_policy


def test_a_script_that_a_configuration_names_can_start(tmp_path: Path) -> None:
    image = LocalImage(tmp_path)
    image.add("/usr/sbin/webd", "x", mode=0o755)
    image.add("/etc/webd.conf", "filter=/usr/lib/webd/filter.py\n")
    image.add("/usr/lib/webd/filter.py", "#!/usr/bin/env python3\nimport pages\n", mode=0o755)
    image.add("/usr/bin/env", "x", mode=0o755)
    image.add("/usr/bin/python3.11", "x", mode=0o755)
    image.link("/usr/bin/python3", "python3.11")
    for module in ("os", "site", "encodings/__init__", "encodings/utf_8", "unused"):
        image.add(f"/usr/lib/python3.11/{module}.py", "")
    image.add("/usr/lib/python3/dist-packages/pages.py", "")
    found = run_policy(Policy.BALANCED, image.view(opened("/etc/webd.conf", by="/usr/sbin/webd")))
    for path in ("os.py", "site.py", "encodings/utf_8.py"):
        assert f"/usr/lib/python3.11/{path}" in found
    assert "/usr/lib/python3/dist-packages/pages.py" in found
    assert "/usr/lib/python3.11/unused.py" not in found
