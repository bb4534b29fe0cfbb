/** The kitchen's columns, their tickets, and the timers on them. */

import { cardsIn, COLUMNS } from "../state/board.js";
import { paceOf, stopwatch } from "../state/pace.js";
import { now } from "../wire/clock.js";
import { forgetKeyed, h, keyed, replace } from "./dom.js";
import { onLang, t } from "./i18n.js";
import { ticket } from "./ticket.js";

/** @param {{host: HTMLElement, tabs: HTMLElement, rest: HTMLElement, store: object, act: object}} parts rest: of the orders not shown. */
export function mountBoard({ host, tabs, rest, store, act }) {
  const columns = COLUMNS.map((status) => column(status));
  replace(host, columns.map((one) => one.element));
  replace(tabs, columns.map((one) => one.tab));

  const draw = () => {
    for (const { status, list, counts, nothing } of columns) {
      const cards = cardsIn(store.state, status);
      keyed(list, cards, (order) => order.id, (order) => ticket(order, act));
      for (const count of counts) count.textContent = String(cards.length);
      nothing.hidden = cards.length > 0;
    }
    const { more } = store.state;
    rest.hidden = more === 0;
    rest.textContent = more ? t("kitchen.rest", { n: more }) : "";
    host.setAttribute("aria-busy", String(!store.state.loaded));
    tick();
  };
  const label = () => {
    for (const { status, names, list, nothing } of columns) {
      for (const name of names) name.textContent = t(`kitchen.column.${status}`);
      nothing.textContent = t("kitchen.nothing");
      forgetKeyed(list);
    }
    draw();
  };
  const tick = () => {
    for (const card of host.querySelectorAll(".ticket")) {
      const waited = Math.max(0, now() - Date.parse(card.dataset.since));
      card.querySelector(".timer").textContent = stopwatch(waited);
      card.dataset.pace = paceOf(card.dataset.status, waited);
    }
  };
  label();
  store.watch(draw);
  onLang(label);
  setInterval(tick, 1000);
}

function column(status) {
  const list = h("div", { class: "column-cards" });
  const nothing = h("p", { class: "nothing" });
  const [name, tabName] = [h("span"), h("span")];
  const [count, tabCount] = [h("span", { class: "count" }), h("span", { class: "count" })];
  const element = h("section", { class: "column", id: `column-${status}`, "aria-labelledby": `title-${status}`, dataset: { status } },
    h("h2", { id: `title-${status}` }, name, count), list, nothing);
  const tab = h("a", { href: `#column-${status}`, class: "tab", dataset: { status } }, tabName, tabCount);
  tab.addEventListener("click", (event) => {
    event.preventDefault();
    element.scrollIntoView({ block: "nearest", inline: "start" });
  });
  return { status, element, tab, list, nothing, names: [name, tabName], counts: [count, tabCount] };
}
