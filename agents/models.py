"""Which model answers, by the settings. Each provider is imported only when it is chosen."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llama_index.core.llms.function_calling import FunctionCallingLLM

    from hub.config import Settings
    from hub.domain.menu import Menu

TIMEOUT_S = 60.0
RETRIES = 2
_CONTEXT_WINDOW = 32_768  # assumed of a model we know nothing of; LlamaIndex assumes 3,900


class ModelError(Exception):
    """The model cannot be set up; the message is one line for the operator."""


def build_llm(settings: Settings, menu: Menu) -> FunctionCallingLLM:
    """The model that the settings name.

    Raises:
        ModelError: Its package, its name or its address is missing.
    """
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else ""
    match settings.llm:
        case "offline":
            from agents.offline.model import OfflineLLM

            return OfflineLLM.serving(menu)
        case "openai":
            _need(settings, "COMANDA_LLM_MODEL", settings.llm_model)
            _need(settings, "COMANDA_LLM_API_KEY", key)
            return _built(
                "openai",
                "llama_index.llms.openai",
                "OpenAI",
                model=settings.llm_model,
                api_key=key,
                timeout=TIMEOUT_S,
                max_retries=RETRIES,
                **({"api_base": settings.llm_base_url} if settings.llm_base_url else {}),
            )
        case "openai_like":
            _need(settings, "COMANDA_LLM_MODEL", settings.llm_model)
            _need(settings, "COMANDA_LLM_BASE_URL", settings.llm_base_url)
            return _built(
                "openai-like",
                "llama_index.llms.openai_like",
                "OpenAILike",
                model=settings.llm_model,
                api_base=settings.llm_base_url,
                api_key=key or "none",
                timeout=TIMEOUT_S,
                max_retries=RETRIES,
                context_window=_CONTEXT_WINDOW,
                is_chat_model=True,  # both are off by default, and then tools are silently not offered
                is_function_calling_model=True,
            )
        case "anthropic":
            _need(settings, "COMANDA_LLM_MODEL", settings.llm_model)
            _need(settings, "COMANDA_LLM_API_KEY", key)
            return _built(
                "anthropic",
                "llama_index.llms.anthropic",
                "Anthropic",
                model=settings.llm_model,
                api_key=key,
                timeout=TIMEOUT_S,
                max_retries=RETRIES,
                **({"base_url": settings.llm_base_url} if settings.llm_base_url else {}),
            )
        case "ollama":
            _need(settings, "COMANDA_LLM_MODEL", settings.llm_model)
            return _built(
                "ollama",
                "llama_index.llms.ollama",
                "Ollama",
                model=settings.llm_model,
                request_timeout=TIMEOUT_S,
                **({"base_url": settings.llm_base_url} if settings.llm_base_url else {}),
            )


def warm(llm: FunctionCallingLLM) -> None:
    """Load now what a provider's client would load on the first question: seconds, for OpenAI's."""
    client = getattr(llm, "_get_aclient", None)
    if client is not None:
        _ = client().chat.completions


def _built(extra: str, module: str, name: str, **arguments: Any) -> FunctionCallingLLM:
    try:
        model = getattr(import_module(module), name)
    except ImportError as exc:
        raise ModelError(f"this model needs another package: pip install 'comanda[{extra}]'") from exc
    built: FunctionCallingLLM = model(**arguments)
    return built


def _need(settings: Settings, variable: str, value: str) -> None:
    if not value:
        raise ModelError(f"COMANDA_LLM={settings.llm} needs {variable}")
