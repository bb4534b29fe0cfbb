"""Counts calls instead of seconds: the same on every machine."""

from __future__ import annotations

import sys
from collections import Counter
from types import FrameType
from typing import Any


class CallCounter:
    """Counts every call, of Python and of C, while it is entered."""

    def __init__(self) -> None:
        self.names: Counter[str] = Counter()

    def __enter__(self) -> CallCounter:
        sys.setprofile(self._note)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(None)

    def _note(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "call":
            self.names[frame.f_code.co_name] += 1
        elif event == "c_call":
            self.names[arg.__name__] += 1

    @property
    def total(self) -> int:
        return self.names.total()
