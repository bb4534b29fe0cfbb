"""Answers of services, as their callers and the wire see them.

Three families of models meet at the services' edge. Input of clients is strict (`hub.domain.values.Value`: commands).
Stored documents are tolerant and versioned (`hub.domain.values.Stored`). Answers (`Answer`) are made here and sent.
"""

from hub.domain.answers.base import Answer, CommandAnswer, Empty

__all__ = ["Answer", "CommandAnswer", "Empty"]
