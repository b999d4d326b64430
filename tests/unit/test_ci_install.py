"""ci/install.sh, as a job calls it: the current folder is the checkout of a pull request."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "ci/install.sh"
MODULES = ("venv", "ensurepip", "pip", "logging", "subprocess", "sysconfig", "json")


def test_modules_in_the_current_folder_are_not_imported(tmp_path: Path) -> None:
    """The folder is relative. Without an index, the installation ends after the environments were made and pip was started."""
    for name in MODULES:
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})\n")
    env = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [str(SCRIPT), "environment", "dependencies"]
    result = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert "No matching distribution found" in result.stderr, result.stderr
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert (tmp_path / "environment/bin/python").exists()
