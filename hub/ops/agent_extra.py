"""The optional part of an installation: the agent, which needs LlamaIndex (`comanda[agent]`)."""

from __future__ import annotations

import importlib.util

AGENT_MISSING = "the agent is not installed: pip install 'comanda[agent]'"


def is_agent_installed() -> bool:
    """Return True if an agent worker can run here."""
    return is_installed("llama_index.core")


def is_installed(module: str) -> bool:
    """Return True if a module can be imported. It is not imported: LlamaIndex takes seconds to load."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
