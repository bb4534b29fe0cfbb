"""One answer of the agent as OpenAI's chat completions have it: in chunks, or whole."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict

from hub.domain.answers import Answer
from hub.gateways.openai_errors import AnswerFailed, error_body, failure_body
from hub.gateways.responses.answer_stream import AnswerFormat
from hub.gateways.responses.responder import as_data

MODEL = "comanda"
# A stream of completions cannot take text back: what follows this line replaces what stands before it.
RESTARTED = "\n\n---\n\n"


class OpenAiAnswer(Answer):
    """A part of an answer in OpenAI's shape. Its fields are always there."""

    model_config = ConfigDict(frozen=True, json_schema_serialization_defaults_required=True)


class CompletionUsage(OpenAiAnswer):
    """The tokens that models read and wrote for an answer, as far as they are known."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int

    @classmethod
    def of(cls, usage: dict[str, Any]) -> CompletionUsage:
        """Return the tokens in the `usage` of `chat.completed`."""
        read, wrote = usage.get("input_tokens") or 0, usage.get("output_tokens") or 0
        return cls(prompt_tokens=read, completion_tokens=wrote, total_tokens=read + wrote)


class CompletionMessage(OpenAiAnswer):
    """The agent's message."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class CompletionChoice(OpenAiAnswer):
    """The one choice of a completion."""

    index: Literal[0] = 0
    message: CompletionMessage
    logprobs: None = None
    finish_reason: Literal["stop"] = "stop"


class Completion(OpenAiAnswer):
    """A whole answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str = MODEL
    choices: tuple[CompletionChoice, ...]
    usage: CompletionUsage


class ChunkFormat(AnswerFormat):
    """Words an answer as chunks of a completion.

    Args:
        created: Unix time of the answer, in seconds.
        include_usage: Send the usage in a chunk of its own at the end.
    """

    def __init__(self, created: int, include_usage: bool) -> None:
        self._created = created
        self._include_usage = include_usage
        self._id = ""

    def begin(self, turn_id: str) -> bytes:
        """Return the chunk that opens the message."""
        self._id = completion_id(turn_id)
        return self._chunk({"role": "assistant", "content": ""})

    def text(self, text: str) -> bytes:
        """Return a part of the answer's text."""
        return self._chunk({"content": text})

    def discard(self, _attempt: int) -> bytes:
        """Return the line behind which the answer begins anew."""
        return self._chunk({"content": RESTARTED})

    def event(self, _type: str, _data: dict[str, Any]) -> bytes:
        """Return an event within the turn: nothing."""
        return b""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        """Return what closes the message."""
        if type_ == "chat.failed":
            return as_data(failure_body(data["error"]))
        ended = self._chunk({}, "stop")
        if self._include_usage:
            usage = CompletionUsage.of(data.get("usage") or {}).as_json()
            ended += as_data({**self._head(), "choices": [], "usage": usage})
        return ended

    def refuse(self, code: str, message: str) -> bytes:
        """Return the error that replaces an answer."""
        return as_data(error_body(message, "invalid_request_error", code))

    def _chunk(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self._include_usage else {}
        return as_data({**self._head(), "choices": [choice], **usage})

    def _head(self) -> dict[str, Any]:
        return {"id": self._id, "object": "chat.completion.chunk", "created": self._created, "model": MODEL}


class WholeFormat(AnswerFormat):
    """Keeps an answer until it is whole.

    Attributes:
        refused: The message of a refusal, if there is one.
    """

    def __init__(self) -> None:
        self.refused: str | None = None
        self._turn_id = ""
        self._text = ""
        self._usage: dict[str, Any] = {}
        self._error: dict[str, Any] | None = None

    def begin(self, turn_id: str) -> bytes:
        """Note the turn."""
        self._turn_id = turn_id
        return b""

    def text(self, text: str) -> bytes:
        """Keep more text."""
        self._text += text
        return b""

    def discard(self, _attempt: int) -> bytes:
        """Forget the text so far."""
        self._text = ""
        return b""

    def event(self, _type: str, _data: dict[str, Any]) -> bytes:
        """Keep nothing of an event within the turn."""
        return b""

    def end(self, type_: str, data: dict[str, Any]) -> bytes:
        """Keep the usage, or the failure."""
        self._error = data["error"] if type_ == "chat.failed" else None
        self._usage = data.get("usage") or {}
        return b""

    def refuse(self, _code: str, message: str) -> bytes:
        """Keep the refusal."""
        self.refused = message
        return b""

    def completion(self, created: int) -> Completion:
        """Return the answer, when it is over.

        Raises:
            AnswerFailed: It has failed.
        """
        if self._error is not None:
            raise AnswerFailed(str(self._error["message"]), str(self._error["code"]))
        return Completion(
            id=completion_id(self._turn_id),
            created=created,
            choices=(CompletionChoice(message=CompletionMessage(content=self._text)),),
            usage=CompletionUsage.of(self._usage),
        )


def completion_id(turn_id: str) -> str:
    """Return the id of a turn's completion."""
    return f"chatcmpl-{turn_id}"
