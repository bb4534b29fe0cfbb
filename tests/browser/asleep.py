"""Pages that can be put to sleep. Playwright keeps its own pages visible, and a visible page is never frozen."""

from __future__ import annotations

import json
import time
from typing import Any

DEADLINE_S = 15.0
POLL_S = 0.02  # to ask without a pause would take a processor from the pages


class Device:
    """A browser profile that Playwright does not know of, spoken to by Chromium's own protocol."""

    def __init__(self, browser: Any) -> None:
        self._protocol = browser.new_browser_cdp_session()
        self._context = self._protocol.send("Target.createBrowserContext")["browserContextId"]
        self._answers: dict[tuple[str, int], Any] = {}
        self._protocol.on("Target.receivedMessageFromTarget", self._received)

    def open(self, url: str) -> SleepyPage:
        target = self._protocol.send("Target.createTarget", {"url": url, "browserContextId": self._context})
        attach = {"targetId": target["targetId"], "flatten": False}
        return SleepyPage(self, self._protocol.send("Target.attachToTarget", attach)["sessionId"])

    def close(self) -> None:
        self._protocol.send("Target.disposeBrowserContext", {"browserContextId": self._context})

    def ask(self, session: str, number: int, method: str, params: dict[str, Any]) -> Any:
        """Return the answer of one page, once it is there."""
        message = json.dumps({"id": number, "method": method, "params": params})
        self._protocol.send("Target.sendMessageToTarget", {"sessionId": session, "message": message})
        until = time.monotonic() + DEADLINE_S
        while (session, number) not in self._answers:
            assert time.monotonic() < until, f"{method} was not answered"
            self._protocol.send("Browser.getVersion")  # lets what has arrived be heard
        return self._answers.pop((session, number))

    def _received(self, event: dict[str, Any]) -> None:
        message = json.loads(event["message"])
        if "id" in message:
            self._answers[event["sessionId"], message["id"]] = message


class SleepyPage:
    """One page of a device."""

    def __init__(self, device: Device, session: str) -> None:
        self._device = device
        self._session = session
        self._sent = 0

    def send(self, method: str, **params: Any) -> Any:
        self._sent += 1
        return self._device.ask(self._session, self._sent, method, params)

    def evaluate(self, expression: str) -> Any:
        """Return an expression's value; None while the page is not there yet."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "error" in answer:
            return None
        assert "exceptionDetails" not in answer["result"], answer
        return answer["result"]["result"].get("value")

    def until(self, condition: str) -> None:
        """Wait until an expression holds."""
        until = time.monotonic() + DEADLINE_S
        while not self.evaluate(condition):
            assert time.monotonic() < until, f"never: {condition}"
            time.sleep(POLL_S)

    def freeze(self) -> None:
        self.send("Page.setWebLifecycleState", state="frozen")

    def wake(self) -> None:
        self.send("Page.setWebLifecycleState", state="active")
