/** How many of each dish are left, to be corrected by hand. */

import { forgetKeyed, h, keyed } from "./dom.js";
import { mountFieldErrors } from "./field-errors.js";
import { localized, onLang, t } from "./i18n.js";
import { beforeSliding } from "./tap-guard.js";
import { toastError } from "./toast.js";
import { whileBusy } from "./wait.js";

const LOW = 5;

/**
 * @param {{host: HTMLElement, search: HTMLInputElement, menu: object, onSet: (sku: string, left: number) => Promise<*>}} parts
 *   onSet: rejects if the hub refuses.
 */
export function mountStock({ host, search, menu, onSet }) {
  const row = (item, old) => {
    const draft = old?.contains(document.activeElement) ? old.querySelector("input").value : null; // being typed: not to be taken away
    const input = h("input", {
      type: "number", name: "left", required: true, min: 0, max: 100000, step: 1, inputMode: "numeric", value: draft ?? item.left ?? "",
      "aria-label": t("manager.stock_of", { name: localized(item, "name") }), dataset: { test: `stock-${item.sku}` },
    });
    const save = h("button", { class: "button", type: "submit", dataset: { test: `stock-save-${item.sku}` } }, t("manager.save"));
    const out = h("button", {
      class: "button quiet", type: "button", disabled: item.left === 0, dataset: { test: `stock-out-${item.sku}` },
      on: { click: () => whileBusy(out, () => onSet(item.sku, 0).catch(toastError)) },
    }, t("manager.sold_out"));
    const form = h("form", { on: { submit: (event) => {
      event.preventDefault();
      if (fields.check()) whileBusy(save, () => onSet(item.sku, input.valueAsNumber).catch((error) => fields.refuse(error) || toastError(error)));
    } } }, input, save, out);
    const fields = mountFieldErrors(form);
    const name = h("span", { class: "stock-name" }, localized(item, "name"), h("small", {}, item.sku));
    return h("li", { class: level(item), dataset: { test: `stock-row-${item.sku}`, slides: item.sku } }, name, form);
  };
  const draw = () => {
    const wanted = search.value.trim().toLowerCase();
    const items = [...menu.state.items.values()].filter((item) => `${localized(item, "name")} ${item.sku}`.toLowerCase().includes(wanted));
    beforeSliding(host);
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
