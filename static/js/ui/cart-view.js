/** What is going to be ordered, for whom, and the button that orders it. */

import { countOf, lackOf, lineView, totalOf } from "../state/cart.js";
import { orderable } from "../state/menu.js";
import { cartLine } from "./cart-line.js";
import { $, h, icon, keyed, forgetKeyed, replace } from "./dom.js";
import { localized, money, onLang, t } from "./i18n.js";

/**
 * @param {{host: HTMLElement, opener: HTMLButtonElement, menu: object, cart: object, placing: object, problem: object,
 *          onPlace: () => void}} parts
 *   host holds the cart's form as index.html has it; placing: the store of the order under way; problem: as problem.js has it.
 */
export function mountCart({ host, opener, menu, cart, placing, problem, onPlace }) {
  const list = $(".cart-lines", host);
  const form = $("form", host);
  const fields = Object.fromEntries(["name", "phone", "address"].map((name) => [name, form.elements[name]]));
  const place = $("[data-test=place-order]", host);

  // A line is built anew when what it shows has changed, and never while its note is being written.
  const drawLines = (state) => {
    const views = new Map(state.lines.map((line) => [JSON.stringify(lineView(state, line, menu.state, (sku) => orderable(menu.state, sku))), line]));
    keyed(list, [...views.keys()], (view) => views.get(view).id, (view) => cartLine(JSON.parse(view), views.get(view).notes, cart));
    state.lines.forEach(({ notes }, index) => {
      const field = $(".note", list.children[index]);
      if (field && field !== document.activeElement && field.value !== notes) field.value = notes;
    });
  };

  const draw = () => {
    const { state } = cart;
    const count = countOf(state);
    const total = money(totalOf(state, menu.state.items));
    host.classList.toggle("is-empty", count === 0);
    drawLines(state);
    replace($(".cart-total strong", host), total);
    for (const radio of form.elements.kind) radio.checked = radio.value === state.delivery.kind;
    $(".address", host).hidden = state.delivery.kind !== "delivery";
    fields.address.required = state.delivery.kind === "delivery";
    replace(opener, icon("icons", "cart"), h("span", { class: "cart-open-label" }, t("cart.open")),
      h("span", { class: "badge", dataset: { test: "cart-count" } }, String(count)), h("span", { class: "unseen" }, t("cart.pieces", { n: count })),
      count > 0 ? h("strong", {}, total) : null);
    opener.classList.toggle("is-empty", count === 0);
  };

  const drawPlacing = () => {
    const { phase } = placing.state;
    const isBusy = phase !== "none";
    if (isBusy) place.setAttribute("aria-busy", "true");
    else place.removeAttribute("aria-busy");
    place.textContent = t(!isBusy ? "cart.place" : phase === "sending" ? "cart.placing" : "cart.placing_unsure");
  };

  const fill = () => {
    const said = { ...cart.state.customer, address: cart.state.delivery.address };
    for (const [name, field] of Object.entries(fields)) if (field.value !== said[name]) field.value = said[name];
  };

  const submit = (event) => {
    event.preventDefault();
    if (placing.state.phase !== "none") return problem.say("cart.under_way");
    const has = (sku) => menu.state.phase !== "ready" || menu.state.items.has(sku);
    const lack = lackOf(cart.state, { has, orderable: (sku) => orderable(menu.state, sku) });
    for (const name of Object.keys(fields)) fields[name].setAttribute("aria-invalid", String(lack === name));
    if (!lack) return onPlace();
    problem.say(`cart.lack_${lack}`);
    fields[lack]?.focus();
  };

  for (const name of ["name", "phone"]) {
    fields[name].addEventListener("input", () => cart.dispatch({ type: "customer", fields: { [name]: fields[name].value } }));
  }
  fields.address.addEventListener("input", () => cart.dispatch({ type: "delivery", fields: { address: fields.address.value } }));
  for (const radio of form.elements.kind) radio.addEventListener("change", () => cart.dispatch({ type: "delivery", fields: { kind: radio.value } }));
  form.addEventListener("submit", submit);
  form.addEventListener("input", () => problem.clear());

  cart.watch(draw);
  cart.watch(fill);
  menu.watch(draw);
  placing.watch(drawPlacing);
  onLang(() => {
    forgetKeyed(list);
    draw();
    drawPlacing();
  });
}

/** The dishes whose price has changed: `[{name, was, price}]` in words. */
export function changesList(changes) {
  return h("ul", { class: "changes", dataset: { test: "cart-changes" } }, changes.map(({ item, was }) =>
    h("li", {}, t("cart.price_was", { name: localized(item, "name"), was: money(was, item.currency), price: money(item.price, item.currency) }))));
}
