"""One stylesheet and one script in a page's head, so that a browser's six connections are enough for what it draws by.

Over HTTP/1.1 a seventh file waits for one of the first six. On a slow line, that is half a second.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

_ROOT = r"(/|(?:\.\./)*)static/"
_STYLE = re.compile(rf'\n *<link rel="stylesheet" href="{_ROOT}(css/[^"?/]+\.css)">')
_SCRIPT = re.compile(rf'\n *<script src="{_ROOT}(js/[^"?/]+\.js)"></script>')


@dataclass(frozen=True, slots=True)
class JoinedPage:
    """A page that names one file where it named several.

    Attributes:
        files: The joined files by their paths below `static/`. Each lies in the folder of its parts, so that relative
            addresses in them mean the same.
    """

    html: str
    files: Mapping[str, bytes]


def join_head(name: str, html: str, contents: Mapping[str, bytes]) -> JoinedPage:
    """Join the stylesheets of a page, and the scripts that run before it is drawn.

    Args:
        name: The page's file name.
        contents: All files below `static/` by their paths.
    """
    stem, files = PurePosixPath(name).stem, dict[str, bytes]()
    for pattern, target in ((_STYLE, f"css/{stem}.bundle.css"), (_SCRIPT, f"js/{stem}.head.js")):
        found = list(pattern.finditer(html))
        if len(found) > 1:
            files[target] = b"\n".join(contents[match[2]] for match in found)
            whole, begin = found[0][0].replace(found[0][2], target), found[0].start()
            html = html[:begin] + whole + pattern.sub("", html[begin:])
    return JoinedPage(html, files)
