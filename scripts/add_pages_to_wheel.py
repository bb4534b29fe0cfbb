"""Put the pages and the browser's libraries into the wheel, as `hub/static`.

A hook of hatchling, the build backend. An editable install serves the pages of the checkout instead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARY = Path("static", "vendor", "socket.io.esm.min.js")


class AddPages(BuildHookInterface):  # type: ignore[type-arg]
    """Add `static/`, with the libraries that version control ignores, to a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the files to what is built.

        Raises:
            FileNotFoundError: The browser's libraries were not fetched yet.
        """
        if version == "editable":
            return
        root = Path(self.root)
        if not (root / LIBRARY).is_file():
            raise FileNotFoundError(f"{LIBRARY} is missing: `make wheel` fetches it from npm and builds")
        for path in sorted((root / "static").rglob("*")):
            if path.is_file():
                build_data["force_include"][str(path)] = str(Path("hub", path.relative_to(root)))
