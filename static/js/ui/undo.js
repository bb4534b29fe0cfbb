/** The steps that were just tapped, each with a way back for a moment: the tap of a wet hand is not always the one that was meant. */

import { mayRecall } from "../state/order.js";
import { now } from "../wire/clock.js";
import { h, icon } from "./dom.js";
import { t } from "./i18n.js";
import { usualReason } from "./reasons.js";

const SHOWN_MS = 8000;
const MAX_SHOWN = 3;

/**
 * @param {{store: object, roles: string[], recall: (order: object, chosen: {reason: string, reason_code: string}) => void, later?: Function}} parts
 *   store: the board's.
 * @returns {(order: object, to: string, what: string) => void} offers to take back the step of an order to a status.
 */
export function mountUndo({ store, roles, recall, later = (run, ms) => setTimeout(run, ms) }) {
  const shelf = document.body.appendChild(h("div", { class: "undos", role: "status", dataset: { test: "undos" } }));
  return (order, to, what) => {
    const current = () => store.state.orders[order.id];
    // An order that was handed over is not here any more: the hub knows whether whoever tapped may still take it back.
    const isOpen = () => (to === "delivered" ? !current() : current()?.status === to && mayRecall(current(), roles, now()));
    const isKitchens = to === "preparing" || to === "ready"; // of what leaves the kitchen, the event says it, and may come later
    if (isKitchens && !mayRecall({ status: to }, roles, now())) return;
    shelf.querySelector(`[data-order="${CSS.escape(order.id)}"]`)?.remove(); // of the step before
    const note = h("div", { class: "undo", dataset: { order: order.id } }, h("span", {}, `${order.code}: ${what}`), h("button", {
      class: "button", type: "button", "aria-label": `${t("taps.undo_named", { what })}, ${order.code}`, dataset: { test: `undo-step-${order.id}` },
      on: { click: () => {
        note.remove();
        if (isOpen()) recall(current() ?? order, usualReason("mistake")); // else somebody has gone on with it
      } },
    }, icon("icons", "back"), h("span", {}, t("taps.undo"))));
    shelf.append(note);
    while (shelf.children.length > MAX_SHOWN) shelf.firstElementChild.remove();
    later(() => note.remove(), SHOWN_MS);
  };
}
