/** Keeps a page's second taps from what has slid under the finger. */

import { TapGuard } from "../state/tap-guard.js";
import { monotonic } from "../wire/clock.js";

const CONTROLS = "button, a[href], input, select, textarea, summary";
const guard = new TapGuard();

/** Watch the page's taps. A page calls it once. */
export function guardTaps() {
  document.addEventListener("click", (event) => {
    const control = controlOf(event.target);
    const isPointer = event.detail > 0; // a key's click, and the one that a label passes on, count none
    if (!control || !isPointer) return;
    const card = event.target.closest("[data-slides]");
    const on = card ? { card: card.dataset.slides, scroll: scrollOf(card) } : {};
    if (guard.takes({ at: event.timeStamp, x: event.clientX, y: event.clientY, control, ...on })) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }, { capture: true });
}

/** To be called before a list of cards (`data-slides` is the id of each) is drawn anew. */
export function beforeSliding(host) {
  const places = Array.from(host.querySelectorAll("[data-slides]"), (card) => {
    const { left, top, right, bottom } = card.getBoundingClientRect();
    return { id: card.dataset.slides, left, top, right, bottom, scroll: scrollOf(card) };
  });
  const inView = places.filter(({ top, bottom }) => bottom > 0 && top < innerHeight);
  if (inView.length) guard.moving(inView, monotonic());
}

function controlOf(target) {
  return target.closest("label")?.control ?? target.closest(CONTROLS);
}

function scrollOf(card) {
  return card.parentElement.scrollTop + (card.closest("main")?.scrollLeft ?? 0) + scrollY;
}
