"""A hub whose clock is wrong: `python skewed.py SECONDS serve …` is `comanda serve …` on a machine so far off."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.domain.values import to_milliseconds
from hub.services import build


def main() -> None:
    off_s = float(sys.argv.pop(1))
    right = time.time
    time.time = lambda: right() + off_s
    # mypy knows a function's defaults as something nobody changes.
    defaults: Any = build.build_services.__kwdefaults__
    defaults["clock"] = lambda: to_milliseconds(datetime.now(UTC) + timedelta(seconds=off_s))

    from hub.cli import app

    app()


if __name__ == "__main__":
    main()
