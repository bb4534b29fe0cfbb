/** How many of each dish are left, to be corrected by hand. */

import { forgetKeyed, h, keyed } from "./dom.js";
import { localized, onLang, t } from "./i18n.js";
import { whileBusy } from "./wait.js";

const LOW = 5;

/** @param {{host: HTMLElement, search: HTMLInputElement, menu: object, onSet: (sku: string, left: number) => Promise<*>}} parts */
export function mountStock({ host, search, menu, onSet }) {
  const row = (item, old) => {
    const draft = old?.contains(document.activeElement) ? old.querySelector("input").value : null; // being typed: not to be taken away
    const input = h("input", {
      type: "number", min: 0, max: 100000, step: 1, inputMode: "numeric", value: draft ?? item.left ?? "",
      "aria-label": t("manager.stock_of", { name: localized(item, "name") }), dataset: { test: `stock-${item.sku}` },
    });
    const save = h("button", { class: "button", type: "submit", dataset: { test: `stock-save-${item.sku}` } }, t("manager.save"));
    const out = h("button", {
      class: "button quiet", type: "button", disabled: item.left === 0, dataset: { test: `stock-out-${item.sku}` },
      on: { click: () => whileBusy(out, () => onSet(item.sku, 0)) },
    }, t("manager.sold_out"));
    const form = h("form", { on: { submit: (event) => {
      event.preventDefault();
      if (input.value !== "" && input.validity.valid) whileBusy(save, () => onSet(item.sku, input.valueAsNumber));
    } } }, input, save, out);
    const name = h("span", { class: "stock-name" }, localized(item, "name"), h("small", {}, item.sku));
    return h("li", { class: level(item), dataset: { test: `stock-row-${item.sku}` } }, name, form);
  };
  const draw = () => {
    const wanted = search.value.trim().toLowerCase();
    const items = [...menu.state.items.values()].filter((item) => `${localized(item, "name")} ${item.sku}`.toLowerCase().includes(wanted));
    keyed(host, items, (item) => item.sku, row);
  };
  menu.watch(draw);
  search.addEventListener("input", draw);
  onLang(() => {
    forgetKeyed(host);
    draw();
  });
}

function level({ left }) {
  if (left === 0) return "out";
  return Number.isInteger(left) && left <= LOW ? "low" : "";
}
