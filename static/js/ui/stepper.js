/** One fewer, how many, one more. */

import { h, icon } from "./dom.js";
import { t } from "./i18n.js";

/** @param {{qty: number, name: string, max: number, onQty: (qty: number) => void, test: string}} props */
export function stepper({ qty, name, max, onQty, test }) {
  return h("div", { class: "stepper", role: "group", "aria-label": t("cart.qty_of", { name }) },
    h("button", {
      type: "button", "aria-label": t("cart.fewer", { name }), dataset: { test: `fewer-${test}` },
      on: { click: () => onQty(qty - 1) },
    }, icon("icons", "minus")),
    h("output", { dataset: { test: `qty-${test}` } }, String(qty)),
    h("button", {
      type: "button", "aria-label": t("cart.more", { name }), dataset: { test: `more-${test}` },
      disabled: qty >= max, on: { click: () => onQty(qty + 1) },
    }, icon("icons", "plus")));
}
