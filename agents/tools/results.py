"""The base of the results of all tools, and the results that several tools share.

A tool's arguments (`Arguments`) are input, and strict. Its result (`ToolResult`) is made by the tool, and the model
reads it as JSON. The results of a single tool stand beside that tool.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from hub.domain.values import absent


class ToolResult(BaseModel):
    """The result of a tool, or a part of one. Its fields are those of the JSON that the model reads."""

    model_config = ConfigDict(frozen=True)

    @property
    def failed(self) -> bool:
        """True if nothing was done or found because of an error."""
        return False

    def as_json(self) -> dict[str, Any]:
        """Return the result as JSON values."""
        return self.model_dump(mode="json", by_alias=True)


class OrderedLine(ToolResult):
    """A line of an order, with the dish's name in the reader's language."""

    name: str
    qty: int
    notes: str | None = Field(default=None, exclude_if=absent)


class OrderInBrief(ToolResult):
    """An order as one entry of a list."""

    code: str
    status: str
    total: str


class DishLeft(ToolResult):
    """A dish of which there is not enough, and the number that is left."""

    sku: str | None = Field(default=None, exclude_if=absent)
    name: str | None = Field(default=None, exclude_if=absent)
    left: int | None = Field(default=None, exclude_if=absent)


class ToolError(ToolResult):
    """The failure of a tool call.

    Attributes:
        error: The code.
        message: The cause in words of ours, never an exception's text.
        fields: The arguments that were wrong.
        items: The dishes that are short, or the lines of the order that was meant.
        limit: The name of the limit that was passed; `most` is its size.
        unknown: SKUs that are not on the menu.
        orders: The orders to choose from.
        code: The order that was meant.
        name: The dish that was meant.
    """

    error: str
    message: str | None = Field(default=None, exclude_if=absent)
    fields: tuple[str, ...] | None = Field(default=None, exclude_if=absent)
    retry_after_minutes: int | None = Field(default=None, exclude_if=absent)
    items: tuple[OrderedLine | DishLeft, ...] | None = Field(default=None, exclude_if=absent)
    sku: str | None = Field(default=None, exclude_if=absent)
    left: int | None = Field(default=None, exclude_if=absent)
    status: str | None = Field(default=None, exclude_if=absent)
    field: str | None = Field(default=None, exclude_if=absent)
    limit: str | int | None = Field(default=None, exclude_if=absent)
    most: int | None = Field(default=None, exclude_if=absent)
    unknown: tuple[str, ...] | None = Field(default=None, exclude_if=absent)
    orders: tuple[OrderInBrief, ...] | None = Field(default=None, exclude_if=absent)
    code: str | None = Field(default=None, exclude_if=absent)
    name: str | None = Field(default=None, exclude_if=absent)

    @property
    def failed(self) -> bool:
        return True


class MissingFacts(ToolResult):
    """The facts that a proposal still needs from the person; `items` is what is known so far."""

    missing: tuple[str, ...]
    items: tuple[OrderedLine, ...] = ()


class ProposedChange(ToolResult):
    """A proposed change, which waits for the person's yes.

    Attributes:
        proposed: The name of the tool.
        person_reads: The end of the answer, as the person reads it.
        confirm_with: The message that a tap on the button sends.
        facts: The facts of the change. In the JSON they stand beside the other fields.
    """

    proposed: str
    summary: str
    person_reads: str
    confirm_with: str
    done: bool = False
    facts: ToolResult

    def as_json(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"facts"}) | self.facts.as_json()


class ConfirmedChange(ToolResult):
    """The outcome of a change that the person has confirmed.

    Attributes:
        confirmed: The name of the tool that proposed it.
        outcome: The result of the change, or its error. In the JSON its fields stand beside `confirmed`.
    """

    confirmed: str
    outcome: ToolResult

    @property
    def failed(self) -> bool:
        return self.outcome.failed

    def as_json(self) -> dict[str, Any]:
        return {"confirmed": self.confirmed} | self.outcome.as_json()
