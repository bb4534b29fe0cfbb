/** One line of the cart: a dish, how many of it, and one wish. */

import { h, icon } from "./dom.js";
import { localized, money, t } from "./i18n.js";
import { stepper } from "./stepper.js";

/**
 * @param {object} view as `lineView` makes it
 * @param {string} notes
 * @param {object} cart its store
 */
export function cartLine({ id, test, dish, qty, most, left, isGone, mayHaveAnother }, notes, cart) {
  const name = localized(dish, "name") || dish.sku;
  const setQty = (to) => cart.dispatch({ type: "set_qty", id, qty: to });
  const words = isGone ? t("cart.off_menu") : left === 0 ? t("cart.gone") : left === null ? null : t("cart.only", { n: left });
  const foot = () => h("div", { class: "cart-line-foot" },
    stepper({ qty, name, max: most, test: `line-${test}`, onQty: setQty }),
    h("input", {
      class: "note", type: "text", maxLength: 200, value: notes, placeholder: t("cart.note_hint"),
      "aria-label": t("cart.note_of", { name }), dataset: { test: `note-${test}` },
      on: { input: (event) => cart.dispatch({ type: "note", id, notes: event.target.value }) },
    }));
  return h("li", { class: `cart-line${words ? " short" : ""}`, dataset: { test: `line-${test}` } },
    h("div", { class: "cart-line-top" },
      h("span", { class: "cart-name" }, name),
      dish.price === undefined ? null : h("strong", {}, money(dish.price * qty, dish.currency))),
    words ? h("div", { class: "short-note" }, h("p", {}, words), remedy(left ?? 0, test, name, setQty)) : null,
    isGone ? null : foot(),
    !words && mayHaveAnother ? another(test, name, () => cart.dispatch({ type: "another", id })) : null);
}

/** One tap makes the line one that can be ordered. */
function remedy(left, test, name, setQty) {
  const words = left === 0 ? t("cart.remove") : t("cart.lower", { n: left });
  return h("button", { class: "button", type: "button", "aria-label": `${words}: ${name}`, dataset: { test: `fix-${test}` }, on: { click: () => setQty(left) } },
    icon("icons", left === 0 ? "cross" : "check"), h("span", {}, words));
}

function another(test, name, onClick) {
  const words = t("cart.another");
  return h("button", { class: "link another", type: "button", "aria-label": `${words}: ${name}`, dataset: { test: `another-${test}` }, on: { click: onClick } }, words);
}
