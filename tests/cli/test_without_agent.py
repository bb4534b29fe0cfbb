"""A machine that serves hubs only: LlamaIndex is not installed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.request import Request, urlopen

import pytest

from tests.cli.conftest import READY_S, Folder
from tests.support.processes import ROOT, free_port

if TYPE_CHECKING:
    from pathlib import Path

MISSING = "the agent is not installed: pip install 'comanda[agent]'"
SOON_S = 10.0


@pytest.fixture
def hub_only(tmp_path: Path) -> Folder:
    """A folder whose programs find no LlamaIndex: an empty package of its name comes first."""
    package = tmp_path / "shadow" / "llama_index"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    return Folder(tmp_path, PYTHONPATH=f"{package.parent}:{ROOT}")


def answer_to(url: str, question: str) -> str:
    """Return the stream of one answer, to its end."""
    body = json.dumps({"messages": [{"role": "user", "content": question}]}).encode()
    headers = {"Content-Type": "application/json", "Accept": "text/event-stream"}
    with urlopen(Request(f"{url}/api/chat/stream", body, headers), timeout=SOON_S) as response:
        return str(response.read().decode())


def test_serve_says_what_is_missing_and_serves_without_an_agent(hub_only: Folder) -> None:
    port = free_port()
    with hub_only.process("serve", "--port", str(port), "--no-notifier", COMANDA_AGENT_WAIT_S="1") as hub:
        hub.wait_for(lambda: "Redis: " in hub.output(), READY_S, "it announces itself")
        answer = answer_to(f"http://127.0.0.1:{port}", "¿qué lleva el pozole?")
        assert hub.stop() == 0
        [line] = [line.strip() for line in hub.output().splitlines() if "NO AGENT" in line]
        assert line == f"NO AGENT, questions in the chat get no answer: {MISSING}"
        assert "no_agent" in answer
        assert "process.child_started" not in hub.output()


def test_doctor_says_what_is_missing_and_that_a_hub_needs_no_more(hub_only: Folder) -> None:
    said = hub_only.run("doctor", COMANDA_LLM="anthropic")
    assert f"WARN   agent: {MISSING}; this machine serves a hub only" in said.out
    assert "WRONG  agent" not in said.out


def test_an_agent_worker_that_cannot_run_says_why_in_one_line(hub_only: Folder) -> None:
    said = hub_only.run("agent")
    assert (said.code, said.line) == (1, MISSING)
