"""Write the pages with which nginx refuses people in browsers by itself, from `static/error.html` and the pages' texts.

Usage: write_front_pages.py FOLDER
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from hub.gateways.site.error_words import filled
from hub.gateways.site.languages import LANGUAGES, translated

STATIC = Path(__file__).resolve().parent.parent / "static"
_FILES = "/.front/"  # where nginx serves `static/` itself: no hub may be there to do so
_RETRY_S: Mapping[str, int] = {"400": 0, "404": 0, "413": 0, "431": 0, "503": 5}


def main(arguments: list[str]) -> int:
    (folder,) = map(Path, arguments)
    folder.mkdir(exist_ok=True)
    for name, page in front_pages().items():
        (folder / name).write_text(page, encoding="utf-8")
    return 0


def front_pages() -> dict[str, str]:
    """Return the pages' HTML by their file names: one for each status and language."""
    page = (STATIC / "error.html").read_text(encoding="utf-8").replace("{{root}}static/", _FILES)
    texts = {lang: json.loads((STATIC / "i18n" / f"{lang}.json").read_text(encoding="utf-8")) for lang in LANGUAGES}
    return {
        f"{status}.{lang}.html": filled(
            translated(page, lang, texts[lang]), texts[lang], status, root="/", retry_s=retry_s
        )
        for lang in LANGUAGES
        for status, retry_s in _RETRY_S.items()
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
