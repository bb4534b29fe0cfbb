/** What is going to be ordered, for whom, and the button that orders it. */

import { countOf, lackOf, totalOf } from "../state/cart.js";
import { orderable } from "../state/menu.js";
import { $, h, icon, keyed, forgetKeyed, replace } from "./dom.js";
import { localized, money, onLang, t } from "./i18n.js";
import { stepper } from "./stepper.js";

/**
 * @param {{host: HTMLElement, opener: HTMLButtonElement, menu: object, cart: object, onPlace: (button: HTMLElement) => void}} parts
 *   host holds the cart's form as index.html has it.
 */
export function mountCart({ host, opener, menu, cart, onPlace }) {
  const list = $(".cart-lines", host);
  const form = $("form", host);
  const fields = Object.fromEntries(["name", "phone", "address"].map((name) => [name, form.elements[name]]));
  const place = $("[data-test=place-order]", host);
  const problem = $("[data-test=cart-problem]", host);

  const line = ({ sku, qty, notes }) => {
    const item = menu.state.items.get(sku);
    const name = item ? localized(item, "name") : sku;
    const max = orderable(menu.state, sku);
    return h("li", { class: `cart-line${max < qty ? " short" : ""}`, dataset: { test: `line-${sku}` } },
      h("div", { class: "cart-line-top" },
        h("span", { class: "cart-name" }, name),
        h("strong", {}, money((item?.price ?? 0) * qty, item?.currency))),
      max < qty ? h("p", { class: "short-note" }, max === 0 ? t("cart.gone") : t("cart.only", { n: max })) : null,
      h("div", { class: "cart-line-foot" },
        stepper({ qty, name, max, test: `line-${sku}`, onQty: (to) => cart.dispatch({ type: "set_qty", sku, qty: to }) }),
        h("input", {
          class: "note", type: "text", maxLength: 200, value: notes, placeholder: t("cart.note_hint"),
          "aria-label": t("cart.note_of", { name }), dataset: { test: `note-${sku}` },
          on: { change: (event) => cart.dispatch({ type: "note", sku, notes: event.target.value }) },
        })));
  };

  const draw = () => {
    const { state } = cart;
    const count = countOf(state);
    const total = money(totalOf(state, menu.state.items));
    host.classList.toggle("is-empty", count === 0);
    keyed(list, state.lines, (one) => one.sku, line);
    replace($(".cart-total strong", host), total);
    for (const radio of form.elements.kind) radio.checked = radio.value === state.delivery.kind;
    $(".address", host).hidden = state.delivery.kind !== "delivery";
    fields.address.required = state.delivery.kind === "delivery";
    replace(opener, icon("icons", "cart"), h("span", { class: "cart-open-label" }, t("cart.open")),
      h("span", { class: "badge", dataset: { test: "cart-count" } }, String(count)),
      count > 0 ? h("strong", {}, total) : null);
    opener.setAttribute("aria-label", t("cart.open_named", { n: count, total }));
    opener.classList.toggle("is-empty", count === 0);
  };

  const submit = (event) => {
    event.preventDefault();
    const lack = lackOf(cart.state, (sku) => orderable(menu.state, sku));
    problem.textContent = lack ? t(`cart.lack_${lack}`) : "";
    if (lack) fields[lack]?.focus();
    else onPlace(place);
  };

  for (const name of ["name", "phone"]) {
    fields[name].value = cart.state.customer[name];
    fields[name].addEventListener("input", () => cart.dispatch({ type: "customer", fields: { [name]: fields[name].value } }));
  }
  fields.address.value = cart.state.delivery.address;
  fields.address.addEventListener("input", () => cart.dispatch({ type: "delivery", fields: { address: fields.address.value } }));
  for (const radio of form.elements.kind) radio.addEventListener("change", () => cart.dispatch({ type: "delivery", fields: { kind: radio.value } }));
  form.addEventListener("submit", submit);
  form.addEventListener("input", () => (problem.textContent = ""));

  const redraw = () => {
    forgetKeyed(list);
    draw();
  };
  cart.watch(draw);
  menu.watch(redraw);
  onLang(redraw);
}
