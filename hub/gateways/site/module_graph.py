"""The import graph of the pages' modules, read from their sources."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping

LIBRARIES = "vendor/"  # their sources are somebody else's, and import nothing

# `import … from "x"`, `import "x"` and `export … from "x"` at the beginning of a line; nothing else is an import here.
_IMPORT = re.compile(r'^((?:import|export)\s+(?:[\w*{}\s,$]+?\s+from\s+)?")([^"\n]+)(")', re.MULTILINE)


class Cyclic(ValueError):
    """Modules import each other in a circle."""


class ModuleGraph:
    """The modules below `static/` by their paths, and what each of them imports."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self.sources = sources
        self.imports = {
            path: () if path.startswith(LIBRARIES) else imports_of(path, source) for path, source in sources.items()
        }

    def in_order(self, entry: str) -> list[str]:
        """Return an entry's modules, each after those that it imports; the entry is the last.

        Raises:
            Cyclic: There is no such order.
            KeyError: A module imports a file that does not exist.
        """
        done: dict[str, None] = {}
        under_way: set[str] = set()

        def visit(path: str) -> Iterator[str]:
            if path in done:
                return
            if path in under_way:
                raise Cyclic(path)
            under_way.add(path)
            for imported in self.imports[path]:
                yield from visit(imported)
            done[path] = None
            yield path

        return list(visit(entry))


def imports_of(path: str, source: str) -> tuple[str, ...]:
    """Return the paths that a module imports, in order; paths are relative to `static/`."""
    return tuple(resolve(path, match[2]) for match in _IMPORT.finditer(source))


def resolve(path: str, specifier: str) -> str:
    """Return the path that a specifier names in the module at `path`."""
    if specifier.startswith("/"):
        return specifier.removeprefix("/static/")
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), specifier))


def with_query(source: str, query: str) -> str:
    """Return the source with a query at the end of every imported address."""
    return _IMPORT.sub(lambda match: f"{match[1]}{match[2]}{query}{match[3]}", source)
