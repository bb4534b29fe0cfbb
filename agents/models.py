"""Which models answer, by the settings. Each provider is imported only when it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llama_index.core.llms.function_calling import FunctionCallingLLM

    from agents.chain import Model
    from hub.config import NamedModel, Settings
    from hub.domain.menu import Menu

_CONTEXT_WINDOW = 32_768  # assumed of a model we know nothing of; LlamaIndex assumes 3,900
_LONGEST_ANSWER = 4_096  # in tokens; Anthropic wants to be told
_PACKAGES = {
    "openai": ("llama_index.llms.openai", "OpenAI"),
    "openai_like": ("llama_index.llms.openai_like", "OpenAILike"),
    "anthropic": ("llama_index.llms.anthropic", "Anthropic"),
    "ollama": ("llama_index.llms.ollama", "Ollama"),
}
_MARGIN_S = 5.0  # a provider's client gives up after we have


class ModelError(Exception):
    """A model cannot be set up; the message is one line for the operator."""


def build_models(settings: Settings, menu: Menu) -> list[Model]:
    """The models that the settings name, in the order in which they are asked.

    Raises:
        ModelError: The package, the name or the address of one is missing.
    """
    from agents.chain import Model

    patience_s = max(settings.agent.first_token_s, settings.agent.idle_s) + _MARGIN_S
    return [Model(each.provider, build_llm(each, menu, patience_s)) for each in settings.models]


def build_llm(wanted: NamedModel, menu: Menu, patience_s: float) -> FunctionCallingLLM:
    """One model. It tries once: who tries again, and when, is `agents.chain`'s business.

    Raises:
        ModelError: Its package, its name or its address is missing, or LlamaIndex does not know it.
    """
    if wanted.provider == "offline":
        from agents.offline.model import OfflineLLM

        return OfflineLLM.serving(menu)
    arguments = _arguments(wanted, patience_s)
    module, name = _PACKAGES[wanted.provider]
    try:
        kind = getattr(import_module(module), name)
        if wanted.provider in ("openai", "openai_like"):
            from agents.openai_client import openai_client

            arguments["async_openai_client"] = openai_client(wanted, patience_s)
            kind = _unheard(kind)
    except ImportError as exc:
        extra = wanted.provider.replace("_", "-")
        raise ModelError(f"this model needs another package: pip install 'comanda[{extra}]'") from exc
    try:
        built: FunctionCallingLLM = kind(model=wanted.model, **arguments)
        _ = built.metadata  # looks the model up in the package's own list
    except ValueError as exc:
        raise ModelError(
            f"{wanted.prefix}_MODEL={wanted.model}: the package for {wanted.provider} does not know this model; "
            "update it, or name a server that speaks OpenAI's protocol with openai_like"
        ) from exc
    return built


def _unheard(kind: Any) -> Any:
    """A class of LlamaIndex's for OpenAI's models, without the event that it makes of each word: nobody hears it here,
    and it takes a tenth of a word's time. The class as it is, should it be made otherwise one day."""
    if not hasattr(kind, "_astream_chat"):
        return kind

    class Unheard(kind):  # type: ignore[misc]
        async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
            if not self.metadata.is_chat_model:
                return await super().astream_chat(messages, **kwargs)
            return await self._astream_chat(messages, **kwargs)

    return Unheard


def _arguments(wanted: NamedModel, patience_s: float) -> dict[str, Any]:
    """What LlamaIndex's class for this provider is made with."""
    _need(wanted, "MODEL", wanted.model)
    url = wanted.base_url
    match wanted.provider:
        case "openai":
            return {
                "api_key": _need(wanted, "API_KEY", wanted.key),
                # Without being asked, OpenAI does not say what a streamed answer took.
                "additional_kwargs": {"stream_options": {"include_usage": True}},
                **({"api_base": url} if url else {}),
            }
        case "openai_like":
            return {
                "api_base": _need(wanted, "BASE_URL", url),
                "api_key": wanted.key or "none",
                "context_window": _CONTEXT_WINDOW,
                "is_chat_model": True,  # both are off by default, and then tools are silently not offered
                "is_function_calling_model": True,
            }
        case "anthropic":
            return {
                "api_key": _need(wanted, "API_KEY", wanted.key),
                "timeout": patience_s,
                "max_retries": 0,
                "max_tokens": _LONGEST_ANSWER,
                **({"base_url": url} if url else {}),
            }
        case _:
            return {
                "request_timeout": patience_s,
                "context_window": _CONTEXT_WINDOW,
                **({"base_url": url} if url else {}),
            }


def warm(llm: FunctionCallingLLM) -> None:
    """Load now what a provider's client would load on the first question: seconds, for OpenAI's. In the event loop."""
    client = getattr(llm, "_get_aclient", None)
    if client is not None:
        _ = client().chat.completions


async def close(llm: FunctionCallingLLM) -> None:
    """Let go of the connections to its provider."""
    client = getattr(llm, "_get_aclient", None)
    if client is not None:
        await client().close()


def _need(wanted: NamedModel, variable: str, value: str) -> str:
    if not value:
        raise ModelError(f"{wanted.prefix}={wanted.provider} needs {wanted.prefix}_{variable}")
    return value
