/**
 * A panel that slides over the page: what lies below is inert, Escape closes it, and the focus comes back to
 * the button that opened it. Where CSS says `--sheet: 0` the panel covers nothing: the page beside it stays in use.
 */

/**
 * @param {{panel: HTMLElement, opener: HTMLElement, closer: HTMLElement, below: HTMLElement[],
 *          first?: () => HTMLElement, onOpen?: () => void}} parts
 */
export function mountSheet({ panel, opener, closer, below, first = () => panel, onOpen }) {
  panel.tabIndex = -1;
  const isOpen = () => panel.classList.contains("open");
  const covers = () => getComputedStyle(panel).getPropertyValue("--sheet").trim() !== "0";

  const cover = (on) => {
    for (const [name, value] of [["role", "dialog"], ["aria-modal", "true"]]) {
      if (on) panel.setAttribute(name, value);
      else panel.removeAttribute(name);
    }
    document.body.classList.toggle("sheet-open", on);
    for (const element of below) element.inert = on;
  };
  const open = () => {
    onOpen?.();
    panel.classList.add("open");
    if (covers()) cover(true);
    first().focus({ preventScroll: covers() });
  };
  const close = () => {
    if (!isOpen()) return;
    panel.classList.remove("open");
    cover(false);
    opener.focus({ preventScroll: true });
  };
  opener.addEventListener("click", () => (isOpen() ? close() : open()));
  closer.addEventListener("click", close);
  panel.addEventListener("keydown", (event) => event.key === "Escape" && close());
  addEventListener("resize", () => isOpen() && cover(covers()));
  return { open, close, isShown: () => isOpen() || !covers() };
}
