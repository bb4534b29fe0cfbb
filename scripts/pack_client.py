"""Pack the JavaScript client into an npm tarball: client/ with the modules of the pages that it stands on.

Usage: python -m scripts.pack_client [FOLDER]        (default: build)
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.vendor_browser_libraries import npm_in_wheel, npm_on_path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "client"
MODULES = ROOT / "static" / "js"
ENTRIES = ("index.js", "react.js")
_RELATIVE = re.compile(r'^(?:import|export) \{[^}]*\} from "(\.[^"]+)";', re.MULTILINE)


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0] if arguments else ROOT / "build").resolve()
    stage(folder / "client")
    command = [*(npm_on_path() or npm_in_wheel()), "pack", "--silent", "--pack-destination", str(folder)]
    return subprocess.run(command, cwd=folder / "client", stdout=sys.stderr).returncode


def stage(target: Path) -> None:
    """Make a folder that is the package: the files of client/, the licence, and every module that is imported."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(SOURCE, target)
    shutil.copyfile(ROOT / "LICENSE", target / "LICENSE")
    waiting = [target / entry for entry in ENTRIES]
    while waiting:
        module = waiting.pop()
        for specifier in _RELATIVE.findall(module.read_text(encoding="utf-8")):
            imported = (module.parent / specifier).resolve()
            if not imported.exists():
                imported.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(MODULES / imported.relative_to(target / "js"), imported)
                waiting.append(imported)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
