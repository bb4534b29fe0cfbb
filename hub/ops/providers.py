"""Asks a model's provider whether it accepts the key and has the model, before a customer asks the agent."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from hub.config import NamedModel

REACH_S = 5.0
_OPENAI = "https://api.openai.com/v1"
_ANTHROPIC = "https://api.anthropic.com"
_OLLAMA = "http://localhost:11434"


class Refused(Exception):
    """The model cannot answer; the message is one line for an operator."""


class Doubtful(Exception):
    """The provider did not say whether the model can answer; the message is one line for an operator."""


@dataclass(frozen=True, slots=True)
class _Inquiry:
    """One provider's list of models.

    Attributes:
        complete: True if the provider has no model that it does not list.
    """

    url: str
    headers: dict[str, str]
    complete: bool


async def inquire(model: NamedModel) -> str:
    """Ask the provider for its models: the cheapest request that needs the same key.

    Returns:
        A line for an operator.

    Raises:
        Refused: The provider cannot be reached, refuses the key, or does not have the model.
        Doubtful: It gave another answer.
    """
    inquiry = _inquiry(model)
    host = urlsplit(inquiry.url).netloc.rpartition("@")[2]
    try:
        async with (
            asyncio.timeout(REACH_S),
            aiohttp.ClientSession() as http,
            http.get(inquiry.url, headers=inquiry.headers, allow_redirects=False) as answer,
        ):
            status = answer.status
            body = await answer.json(content_type=None) if status == 200 else None
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise Refused(f"{model.prefix}_BASE_URL: {host} does not answer ({type(exc).__name__})") from exc
    except ValueError as exc:  # not JSON
        raise Doubtful(f"{host} answers, but not as a model's server does; see {model.prefix}_BASE_URL") from exc
    if status in (401, 403):
        raise Refused(f"{host} refuses the key ({status}); see {model.prefix}_API_KEY")
    if status != 200:
        raise Doubtful(f"{host} answers, but does not list its models ({status})")
    return _offered(model, inquiry, host, body)


def _offered(model: NamedModel, inquiry: _Inquiry, host: str, body: Any) -> str:
    offered = _names(body)
    if model.model in {name for each in offered for name in (each, each.removesuffix(":latest"))}:
        return f"{model.provider} {model.model}; {host} takes the key and has the model"
    said = f"{host} has no model {model.model}; see {model.prefix}_MODEL"
    if offered and inquiry.complete:
        raise Refused(said)
    raise Doubtful(f"{host} does not list the model {model.model}; see {model.prefix}_MODEL")


def _inquiry(model: NamedModel) -> _Inquiry:
    base = model.base_url.rstrip("/")
    bearer = {"Authorization": f"Bearer {model.key}"} if model.key else {}
    match model.provider:
        case "anthropic":
            headers = {"x-api-key": model.key, "anthropic-version": "2023-06-01"}
            return _Inquiry(f"{base or _ANTHROPIC}/v1/models?limit=1000", headers, complete=False)  # aliases work too
        case "ollama":
            return _Inquiry(f"{base or _OLLAMA}/api/tags", {}, complete=True)
        case "openai":
            return _Inquiry(f"{base or _OPENAI}/models", bearer, complete=not base)
        case _:
            return _Inquiry(f"{base}/models", bearer, complete=False)  # gateways know other names


def _names(body: Any) -> list[str]:
    """Return the names of the models in an answer, which has another form for each provider."""
    listed = (body.get("data") or body.get("models") or []) if isinstance(body, dict) else []
    models = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return [name for each in models if isinstance(name := each.get("id") or each.get("name"), str)]
