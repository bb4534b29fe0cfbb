"""Schemathesis asks a hub all that its OpenAPI document says, right and wrong, and compares the answers with it.

Checks that are left out, and why:

- `negative_data_rejection`, `positive_data_acceptance`: some bounds are the services' (`filter` needs one condition, an
  end lies in the future, two of three parameters exclude each other), and some values are clamped (`limit`).
- `ignored_auth`, `missing_required_header`: whoever shows no token is a customer, and gets `forbidden` or `not_found`.
- `allow_header_conformance`: `/api/orders/cancel` is also an order's address, which aiohttp says in `Allow`.

`make fuzz` asks more of the same.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.hub_harness import HubHarness
from tests.support.uncounted import UNCOUNTED

if TYPE_CHECKING:
    from tests.gateways.conftest import Open

pytestmark = [pytest.mark.slow, pytest.mark.timeout(int(os.environ.get("FUZZ_S", "120")))]

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
# Logging out ends the token; a room's events have no end.
LEFT_OUT = "/api/log(in|out)|/events$"
OPTIONS = ("--generation-deterministic", "--no-shrink", "--continue-on-failure", "--no-color", "--request-timeout", "5")
EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "3")


async def asked(house: HubHarness, folder: Path, token: str) -> tuple[int, str]:
    """The exit code of Schemathesis, and what it found."""
    run = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("st"),
        *("--config-file", os.devnull, "run", f"{house.url}/openapi.json", "-n", EXAMPLES, *OPTIONS),
        *("--checks", ",".join(CHECKS), "--exclude-path-regex", LEFT_OUT, "--phases", "examples,coverage,fuzzing"),
        *("-H", f"Authorization: Bearer {token}") if token else (),
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await run.communicate()
    return run.returncode or 0, said.decode()


@pytest.mark.parametrize("role", ["", "manager"], ids=["nobody", "manager"])
async def test_the_hub_answers_as_its_document_says(open_hub: Open, tmp_path: Path, role: str) -> None:
    limits = {name.removeprefix("COMANDA_LIMIT_").lower(): 0 for name in UNCOUNTED}
    async with open_hub(**limits, agent_wait_s=0.1) as house:
        code, said = await asked(house, tmp_path, house.token(role) if role else "")
    assert code == 0, said
    assert "SUMMARY" in said
