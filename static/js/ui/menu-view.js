/** The menu, as a table of lotería cards: one a dish. */

import { qtyOf } from "../state/cart.js";
import { groups, orderable } from "../state/menu.js";
import { afterPaint } from "./after-paint.js";
import { artOf } from "./art.js";
import { h, icon, replace } from "./dom.js";
import { localized, money, onLang, t } from "./i18n.js";
import { stepper } from "./stepper.js";

const FEW = 10;
// Dishes that are drawn at once: more than fit on a screen. The others follow when these can be seen.
const FIRST = { phone: 6, wide: 18 };

/** @param {{host: HTMLElement, nav: HTMLElement, menu: object, cart: object, onRetry: () => void}} parts */
export function mountMenu({ host, nav, menu, cart, onRetry }) {
  let slots = new Map();
  let isFirst = true;

  const drawAll = () => {
    const drawn = new Map();
    slots = drawn;
    const { phase } = menu.state;
    if (phase !== "ready") {
      replace(nav);
      replace(host, phase === "failed" ? failure(onRetry) : skeleton());
      return;
    }
    const found = groups(menu.state);
    replace(nav, found.map(({ category }) => h("li", {}, h("a", { href: `#c-${category.id}` }, localized(category, "name")))));
    const first = isFirst ? FIRST[matchMedia("(max-width: 619px)").matches ? "phone" : "wide"] : Infinity;
    const later = [];
    let place = 0;
    replace(host, found.map(({ category, items }) => {
      const cards = h("ul", { class: "cards" });
      for (const item of items) {
        const at = ++place;
        const draw = () => cards.append(card(item, at));
        if (at > first) later.push(draw);
        else draw();
      }
      return h("section", { class: "category", id: `c-${category.id}`, "aria-labelledby": `h-${category.id}` },
        h("h2", { id: `h-${category.id}` }, localized(category, "name")), cards);
    }));
    isFirst = false;
    if (later.length) afterPaint().then(() => slots === drawn && later.forEach((draw) => draw()));
  };

  const card = (item, place) => {
    const { drawing, tint } = artOf(item);
    const slot = h("div", { class: "dish-buy" });
    const left = h("span", { class: "dish-left" });
    const element = h("li", { class: `dish ${tint}`, dataset: { test: `dish-${item.sku}` } },
      h("div", { class: "dish-art" },
        h("span", { class: "dish-number", "aria-hidden": "true" }, String(place)),
        icon("dishes", drawing, { className: "drawing" }), left),
      h("div", { class: "dish-text" },
        h("h3", {}, localized(item, "name")),
        h("p", {}, localized(item, "description")),
        item.allergens?.length ? h("p", { class: "dish-allergens" }, t("menu.allergens", { list: item.allergens.join(", ") })) : null),
      h("div", { class: "dish-foot" }, h("strong", { class: "price" }, money(item.price, item.currency)), slot));
    slots.set(item.sku, { element, slot, left, shown: "" });
    drawSlot(item.sku);
    return element;
  };

  const drawSlot = (sku) => {
    const part = slots.get(sku);
    const item = menu.state.items.get(sku);
    const qty = qtyOf(cart.state, sku);
    const max = orderable(menu.state, sku);
    const now = `${qty}/${max}`;
    if (part.shown === now) return;
    const held = part.slot.contains(document.activeElement) ? document.activeElement.dataset.test : null;
    part.shown = now;
    part.element.classList.toggle("sold-out", max === 0);
    part.left.textContent = max === 0 ? t("menu.sold_out") : max <= FEW ? t("menu.left", { n: max }) : "";
    const name = localized(item, "name");
    replace(part.slot, qty > 0
      ? stepper({ qty, name, max, test: sku, onQty: (to) => cart.dispatch(to > qty ? { type: "add", item } : { type: "take", sku }) })
      : h("button", {
        class: "button add", type: "button", disabled: max === 0, dataset: { test: `add-${sku}` },
        "aria-label": t("menu.add_named", { name }), on: { click: () => cart.dispatch({ type: "add", item }) },
      }, icon("icons", "plus"), h("span", {}, t("menu.add"))));
    if (held) (part.slot.querySelector(`[data-test="${held}"]:enabled`) ?? part.slot.querySelector("button:last-child"))?.focus();
  };

  const drawSlots = () => slots.forEach((_, sku) => menu.state.items.has(sku) && drawSlot(sku));

  menu.watch((state, before) => (state.phase !== before.phase || state.categories !== before.categories ? drawAll() : drawSlots()));
  cart.watch(drawSlots);
  onLang(drawAll);
  drawAll();
}

function skeleton() {
  return h("div", { class: "cards skeleton", "aria-busy": "true", "aria-label": t("menu.loading") },
    Array.from({ length: 6 }, () => h("div", { class: "dish ghost" })));
}

function failure(onRetry) {
  return h("div", { class: "empty" },
    h("p", {}, t("menu.failed")),
    h("button", { class: "button", type: "button", on: { click: onRetry } }, t("retry")));
}
