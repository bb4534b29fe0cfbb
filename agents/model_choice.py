"""Construction of the models that the settings name. A provider is imported only if it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llama_index.core.llms.function_calling import FunctionCallingLLM

    from agents.chain import Model
    from hub.config import NamedModel, Settings
    from hub.domain.menu import Menu

_CONTEXT_WINDOW = 32_768  # assumed of a model we know nothing of; LlamaIndex assumes 3,900
_MAX_ANSWER = 4_096  # in tokens; Anthropic's API requires a number
_PACKAGES = {
    "openai": ("llama_index.llms.openai", "OpenAI"),
    "openai_like": ("llama_index.llms.openai_like", "OpenAILike"),
    "anthropic": ("llama_index.llms.anthropic", "Anthropic"),
    "ollama": ("llama_index.llms.ollama", "Ollama"),
}
_TIMEOUT_MARGIN_S = 5.0  # longer than our own deadline, which must come first


class ModelError(Exception):
    """Raised when a model cannot be set up; the message is one line for the operator."""


def build_models(settings: Settings, menu: Menu) -> list[Model]:
    """Return the models that the settings name, in the order of asking.

    Raises:
        ModelError: The package, the name or the address of one is missing.
    """
    from agents.chain import Model

    timeout_s = max(settings.agent.first_token_s, settings.agent.idle_s) + _TIMEOUT_MARGIN_S
    return [Model(each.provider, build_llm(each, menu, timeout_s)) for each in settings.models]


def build_llm(wanted: NamedModel, menu: Menu, timeout_s: float) -> FunctionCallingLLM:
    """Return one model. It tries once; `agents.chain` retries.

    Raises:
        ModelError: Its package, its name or its address is missing, or LlamaIndex does not know it.
    """
    if wanted.provider == "offline":
        from agents.offline.model import OfflineLLM

        return OfflineLLM.serving(menu)
    arguments = _arguments(wanted, timeout_s)
    module, name = _PACKAGES[wanted.provider]
    try:
        kind = getattr(import_module(module), name)
        if wanted.provider in ("openai", "openai_like"):
            from agents.openai_client import openai_client

            arguments["async_openai_client"] = openai_client(wanted, timeout_s)
            kind = _without_events(kind)
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


def _without_events(kind: Any) -> Any:
    """A class of LlamaIndex's for OpenAI's models, without the event that it makes of each word: nobody hears it here,
    and it takes a tenth of a word's time. The class as it is, should it be made otherwise one day."""
    if not hasattr(kind, "_astream_chat"):
        return kind

    class WithoutEvents(kind):  # type: ignore[misc]
        async def astream_chat(self, messages: Any, **kwargs: Any) -> Any:
            if not self.metadata.is_chat_model:
                return await super().astream_chat(messages, **kwargs)
            return await self._astream_chat(messages, **kwargs)

    return WithoutEvents


def _arguments(wanted: NamedModel, timeout_s: float) -> dict[str, Any]:
    """Return the arguments of LlamaIndex's class for this provider."""
    _need(wanted, "MODEL", wanted.model)
    url = wanted.base_url
    match wanted.provider:
        case "openai":
            return {
                "api_key": _need(wanted, "API_KEY", wanted.key),
                # OpenAI reports the usage of a streamed answer only on request.
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
                "timeout": timeout_s,
                "max_retries": 0,
                "max_tokens": _MAX_ANSWER,
                **({"base_url": url} if url else {}),
            }
        case _:
            return {
                "request_timeout": timeout_s,
                "context_window": _CONTEXT_WINDOW,
                **({"base_url": url} if url else {}),
            }


def warm(llm: FunctionCallingLLM) -> None:
    """Load now what a provider's client would load on the first question. Call it in the event loop."""
    client = getattr(llm, "_get_aclient", None)
    if client is not None:
        _ = client().chat.completions


async def close(llm: FunctionCallingLLM) -> None:
    """Close the connections to the model's provider."""
    client = getattr(llm, "_get_aclient", None)
    if client is not None:
        await client().close()


def _need(wanted: NamedModel, variable: str, value: str) -> str:
    if not value:
        raise ModelError(f"{wanted.prefix}={wanted.provider} needs {wanted.prefix}_{variable}")
    return value
