/** The order that was sent and has no answer yet, on top of the page: what is being done about it, and what it is. */

import { canTakeBack } from "../state/placing.js";
import { $, h, replace } from "./dom.js";
import { localized, money, onLang, t } from "./i18n.js";

const SHOWN = new Set(["waiting", "unsure", "asking"]);

/** @param {{host: HTMLElement, placing: object, menu: object}} parts placing: of placing.js; host: hidden while there is nothing. */
export function mountConfirming({ host, placing, menu }) {
  const draw = () => {
    const { phase, pending } = placing.store.state;
    host.hidden = !SHOWN.has(phase);
    if (host.hidden) return;
    $("h2", host).textContent = t(`confirming.${phase}`);
    replace($(".confirming-words", host), t(`confirming.${phase}_words`));
    replace($(".confirming-items", host), pending.order.items.map((item, index) => line(item, pending.lines[index], menu.state.items)));
    replace($(".confirming-buttons", host),
      phase === "asking" ? button("confirming-yes", "confirming.yes", () => placing.confirm()) : null,
      phase === "asking" || canTakeBack(placing.store.state) ? button("confirming-no", "confirming.no", () => placing.takeBack()) : null);
  };
  placing.store.watch(draw);
  menu.watch(draw);
  onLang(draw);
}

function line({ sku, qty, notes }, kept, items) {
  const item = items.get(sku);
  return h("li", {}, h("span", {}, `${qty} × ${localized(item ?? kept ?? {}, "name") || sku}`),
    notes ? h("em", {}, notes) : null,
    item ? h("strong", {}, money(qty * item.price, item.currency)) : null);
}

function button(test, key, onClick) {
  return h("button", { class: "button", type: "button", dataset: { test }, on: { click: onClick } }, t(key));
}
