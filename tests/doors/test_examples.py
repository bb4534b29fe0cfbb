"""docs/doors.md: every example runs against a real hub, and prints what the document says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import Hub
from tests.doors.examples import Door, Example, doors, fits, run
from tests.support.processes import COMANDA, ROOT, Process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

# What the examples need of the hub besides its defaults.
SETTINGS = {
    "COMANDA_OUTBOUND_ALLOW": "http://127.0.0.1",
    "COMANDA_WHATSAPP_TOKEN": "a token",
    "COMANDA_WHATSAPP_PHONE_ID": "106540352242922",
    "COMANDA_WHATSAPP_APP_SECRET": "an app's secret",
    "COMANDA_WHATSAPP_VERIFY_TOKEN": "verify-me",
    "COMANDA_WHATSAPP_API_URL": "http://127.0.0.1:9",
}

LIBRARIES = "The client libraries"
DOORS = doors((ROOT / "docs/doors.md").read_text())


class HubOfDoors(Hub):
    """A hub with the settings of the examples."""

    @property
    def env(self) -> dict[str, str]:
        return {**super().env, **SETTINGS}


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubOfDoors]:
    folder = tmp_path_factory.mktemp("hub")
    hub = HubOfDoors(folder, agent=True)
    try:
        hub.open()
        hub.wait_for_agent()
        with Process(COMANDA, "notifier", env=hub.env, cwd=folder, name="notifier") as notifier:
            notifier.wait_for(lambda: "notifier.ready" in notifier.output(), 60, "the notifier")
            yield hub
    finally:
        hub.close()


@pytest.fixture(scope="module")
def variables(hub: HubOfDoors) -> dict[str, str]:
    """The variables that the document's introduction names, and the settings by which `comanda` finds the hub."""
    return {"HUB": hub.url, "TOKEN": hub.comanda("token", "--role", "manager"), **hub.env}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.title)
def test_the_examples_of_a_door_do_what_the_document_says(
    door: Door, variables: dict[str, str], tmp_path: Path
) -> None:
    run(door, tmp_path, variables)


@pytest.mark.parametrize("door", [door for door in DOORS if door.title != LIBRARIES], ids=lambda door: door.title)
def test_a_door_has_examples_in_three_languages_and_shows_what_they_print(door: Door) -> None:
    assert {example.language for example in door.examples} >= {"sh", "python", "js"}
    assert any(example.shown for example in door.examples)


def test_an_example_that_prints_something_else_is_found_out(tmp_path: Path) -> None:
    door = Door("door", (Example("sh", "echo two\n", "one\n", False),))
    with pytest.raises(AssertionError, match="two"):
        run(door, tmp_path, {})


def test_an_example_that_fails_is_found_out(tmp_path: Path) -> None:
    door = Door("door", (Example("sh", "echo one\nfalse\n", None, False),))
    with pytest.raises(AssertionError, match="one"):
        run(door, tmp_path, {})


def test_an_example_beside_others_is_compared_when_they_have_run(tmp_path: Path) -> None:
    waits = 'echo ready\nuntil [ -e found ]; do sleep 0.01; done\necho "found $(cat found)"\nexec sleep 60\n'
    beside = Example("sh", waits, "ready\nfound …e\n", True)
    run(Door("door", (beside, Example("sh", "echo one > new\nmv new found\n", None, False))), tmp_path, {})


@pytest.mark.parametrize(
    ("shown", "printed", "is_so"),
    [("a … c\n", "a b\nb c\n", True), ("…", "", True), ("a.c", "abc", False), ("a", "a b", False)],
)
def test_dots_stand_for_anything_and_all_else_for_itself(shown: str, printed: str, is_so: bool) -> None:
    assert fits(shown, printed) is is_so
