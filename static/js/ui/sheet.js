/**
 * A panel that slides over the page: what lies below is inert, Escape closes it, and the focus comes back to
 * the button that opened it. Where CSS says `--sheet: 0` the panel is a plain part of the page instead.
 */

/**
 * @param {{panel: HTMLElement, opener: HTMLElement, closer: HTMLElement, below: HTMLElement[],
 *          first?: () => HTMLElement, onOpen?: () => void}} parts
 */
export function mountSheet({ panel, opener, closer, below, first = () => panel, onOpen }) {
  panel.tabIndex = -1;
  const covers = () => getComputedStyle(panel).getPropertyValue("--sheet").trim() !== "0";

  const open = () => {
    onOpen?.();
    panel.classList.add("open");
    if (covers()) {
      panel.setAttribute("role", "dialog");
      panel.setAttribute("aria-modal", "true");
      document.body.classList.add("sheet-open");
      for (const element of below) element.inert = true;
    }
    first().focus({ preventScroll: covers() });
  };
  const close = () => {
    if (!panel.classList.contains("open")) return;
    panel.classList.remove("open");
    panel.removeAttribute("role");
    panel.removeAttribute("aria-modal");
    document.body.classList.remove("sheet-open");
    for (const element of below) element.inert = false;
    opener.focus({ preventScroll: true });
  };
  opener.addEventListener("click", () => (panel.classList.contains("open") && covers() ? close() : open()));
  closer.addEventListener("click", close);
  panel.addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("resize", () => !covers() && close());
  return { open, close };
}
