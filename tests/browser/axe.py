"""axe-core in a window: the accessibility faults of what it shows at this moment."""

from __future__ import annotations

from typing import Any

from tests.browser.conftest import lacking
from tests.support.processes import ROOT

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
# What is out of sight is not laid out until it is shown (`content-visibility`). Axe would take it to overlap.
_RUN = """async () => {
  for (const one of document.querySelectorAll("*")) {
    if (getComputedStyle(one).contentVisibility === "auto") one.style.contentVisibility = "visible";
  }
  const { violations } = await axe.run(document, { resultTypes: ["violations"] });
  return violations.flatMap(({ id, nodes }) => nodes.map(({ target, failureSummary }) =>
    `${id}: ${target.join(" ")}: ${failureSummary.replace(/\\s+/g, " ")}`));
}"""


def faults(page: Any) -> list[str]:
    """Return one line for each element that breaks a rule of axe-core.

    Args:
        page: A page at rest: with its texts, and without a movement that hides half of it.
    """
    if not AXE.is_file():
        lacking("axe-core is missing: run make setup")
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: list[str] = page.evaluate(_RUN)
    return found
