"""One script of a page's modules, so that a browser on a slow line waits for one answer, not for eight rounds of them.

The modules lose the lines that are only a comment, a quarter of their size. Apart from that they stay as they are: each
becomes a function that runs once and returns what the module exports. That holds for modules of the plain form that the
pages have. For any other, `Unlinkable` says why, and the page loads its modules one
by one.
"""

from __future__ import annotations

import posixpath
import re
from functools import cache

from hub.gateways.site.module_graph import LIBRARIES, Cyclic, ModuleGraph, resolve

FOLDER = "js"  # where bundles are served: an `import.meta.url` in a module of this folder means the same in the bundle
_NAMES = re.compile(r'^import \{([^}]*)\} from "([^"]+)";\n?', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function\*?|class|const) ([\w$]+)", re.MULTILINE)
_UNKNOWN = re.compile(r"^(?:import|export)\b.*|\bimport\(.*", re.MULTILINE)
# Lines that are nothing else; none of the pages' templates has a line that looks like one.
_COMMENT = re.compile(r"^[ \t]*(?://(?: .*)?|/\*\*[\s\S]*?\*/)[ \t]*\n", re.MULTILINE)
_WAITS = re.compile(r"^await\b.*|^(?:const|let) .*= await\b.*", re.MULTILINE)


class Unlinkable(ValueError):
    """A module has a form that the linker does not know."""


class Linker:
    """Puts pages' modules together.

    Args:
        query: Put behind the addresses of libraries, which stay files of their own.
    """

    def __init__(self, graph: ModuleGraph, query: str) -> None:
        self._graph = graph
        self._query = query
        self._module = cache(self._wrapped)  # most modules are part of several pages

    def bundle(self, entry: str) -> str:
        """Return a page's modules as one script.

        Args:
            entry: The page's own module.

        Raises:
            Unlinkable: A module has a form that the linker does not know, or modules import each other.
        """
        try:
            order = self._graph.in_order(entry)
        except (Cyclic, KeyError) as exc:
            raise Unlinkable(str(exc)) from exc
        own = [path for path in order if not path.startswith(LIBRARIES)]
        libraries = dict.fromkeys(line for path in own for line in self._library_imports(path))
        body, _ = self._linked(entry)
        return "\n".join([*libraries, *(self._module(path) for path in own[:-1]), body])

    def _library_imports(self, path: str) -> list[str]:
        """Return the imports of libraries, as they stand at the head of the bundle."""
        found = [(names, resolve(path, specifier)) for names, specifier in _NAMES.findall(self._graph.sources[path])]
        return [
            f'import {{{names}}} from "{posixpath.relpath(target, FOLDER)}{self._query}";'
            for names, target in found
            if target.startswith(LIBRARIES)
        ]

    def _wrapped(self, path: str) -> str:
        body, exported = self._linked(path)
        if waits := _WAITS.search(body):
            raise Unlinkable(f"{path}: {waits[0]}")
        return f"const {_place(path)} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();"

    def _linked(self, path: str) -> tuple[str, list[str]]:
        """Return a module's text with its imports as constants and without exports, and the names that it exports."""
        source = self._graph.sources[path]
        names = _NAMES.findall(source)
        if len(names) != len(self._graph.imports[path]):
            raise Unlinkable(f"{path}: an import in a form of its own")
        imported = [(which.replace(" as ", ": "), resolve(path, specifier)) for which, specifier in names]
        head = [
            f"const {{{which}}} = {_place(target)};" for which, target in imported if not target.startswith(LIBRARIES)
        ]
        body = _COMMENT.sub("", _NAMES.sub("", source))
        exported = [name for _, name in _EXPORT.findall(body)]
        body = _EXPORT.sub(r"\1 \2", body)
        if unknown := _UNKNOWN.search(body):
            raise Unlinkable(f"{path}: {unknown[0]}")
        if "import.meta" in body and posixpath.dirname(path) != FOLDER:
            raise Unlinkable(f"{path}: import.meta")
        return "\n".join([*head, body]), exported


def _place(path: str) -> str:
    """Return the name of the constant that holds what a module exports."""
    return "$" + re.sub(r"\W", "_", path)
