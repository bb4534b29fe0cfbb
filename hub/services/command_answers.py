"""Answers to commands, made of what a commit remembers of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from hub.domain.answers import CommandAnswer

if TYPE_CHECKING:
    from hub.store.log import Committed

AnswerT = TypeVar("AnswerT", bound=CommandAnswer)


def answer_of(model: type[AnswerT], committed: Committed, **more: Any) -> AnswerT:
    """Return the answer to a command: the remembered `result`, the cursor, and fields that are not stored.

    Args:
        committed: The commit. For a repeat of the command, its result is that of the first time.
        more: Fields that no result may hold, like a token.
    """
    return model.model_validate({**json.loads(committed.result), "cursor": str(committed.cursor), **more})
