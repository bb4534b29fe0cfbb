/** The kitchen's columns, their tickets, and the timers on them. */

import { columnsOf } from "../state/board.js";
import { OPEN as COLUMNS } from "../state/statuses.js";
import { now } from "../wire/clock.js";
import { forgetKeyed, h, isKeyed, keyed, prepareKeyed, replace } from "./dom.js";
import { fromBothEnds, oncePerFrame, workAWhile } from "./frame.js";
import { onLang, t } from "./i18n.js";
import { beforeSliding } from "./tap-guard.js";
import { showAge, ticket } from "./ticket.js";

const BUILD_MS = 8; // of a frame, for tickets that are not there yet

/**
 * @param {{host: HTMLElement, tabs: HTMLElement, rest: HTMLElement, store: object, act: object}} parts rest: of the orders not shown.
 * @returns {{onDraw: (watcher: () => void) => void}} told after each drawing.
 */
export function mountBoard({ host, tabs, rest, store, act }) {
  const columns = COLUMNS.map((status) => column(status));
  const ages = watchAges();
  const watchers = [];
  let settled = null; // the orders after the last large update, which are not animated one by one
  replace(host, columns.map((one) => one.element));
  replace(tabs, columns.map((one) => one.tab));

  const settle = () => {
    const { batch, orders } = store.state;
    if (settled?.batch !== batch) settled = { batch, status: new Map(Object.values(orders).map((order) => [order.id, order.status])) };
  };
  const build = (order, old) => {
    const element = ticket(order, act, !old && settled.status.get(order.id) !== order.status);
    ages.follow(element, order, old);
    return element;
  };
  const draw = () => {
    settle();
    const cards = columnsOf(store.state);
    beforeSliding(host);
    const isAll = workAWhile(unbuilt(columns, cards, build), BUILD_MS);
    for (const { status, list, counts, nothing } of columns) {
      keyed(list, cards[status].filter((order) => isKeyed(list, order.id)), (order) => order.id, build);
      for (const count of counts) count.textContent = String(cards[status].length);
      nothing.hidden = cards[status].length > 0;
    }
    const { more } = store.state;
    rest.hidden = more === 0;
    rest.textContent = more ? t("kitchen.rest", { n: more }) : "";
    host.setAttribute("aria-busy", String(!store.state.loaded));
    for (const watcher of watchers) watcher();
    if (!isAll) drawSoon();
  };
  const drawSoon = oncePerFrame(draw);
  const label = () => {
    for (const { status, names, list, nothing } of columns) {
      for (const name of names) name.textContent = t(`kitchen.column.${status}`);
      nothing.textContent = t("kitchen.nothing");
      forgetKeyed(list);
    }
    settled = null;
    draw();
  };
  label();
  store.watch(drawSoon);
  onLang(label);
  return { onDraw: (watcher) => watchers.push(watcher) };
}

/** Builds the tickets that are not there yet, one a step: in each column from both ends, the columns in turns. */
function* unbuilt(columns, cards, build) {
  let queues = columns.map(({ status, list }) => {
    const missing = cards[status].filter((order) => !isKeyed(list, order.id));
    return { list, orders: fromBothEnds(missing) };
  });
  while (queues.length) {
    const left = [];
    for (const queue of queues) {
      const { value: order, done } = queue.orders.next();
      if (done) continue;
      left.push(queue);
      yield () => prepareKeyed(queue.list, order.id, order, build(order));
    }
    queues = left;
  }
}

/** One timer for all tickets; it goes on those that can be seen, or nearly. */
function watchAges() {
  const orders = new WeakMap(); // tickets to what they show
  const seen = new Set();
  const show = (card) => showAge(card, orders.get(card), now());
  const observer = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) {
        seen.delete(target);
        continue;
      }
      seen.add(target);
      show(target);
    }
  });
  setInterval(() => {
    for (const card of seen) {
      if (card.isConnected) show(card);
      else forget(card);
    }
  }, 1000);
  const forget = (card) => {
    seen.delete(card);
    observer.unobserve(card);
  };
  return {
    follow(card, order, old) {
      if (old) forget(old);
      orders.set(card, order);
      show(card);
      observer.observe(card);
    },
  };
}

function column(status) {
  const list = h("div", { class: "column-cards" });
  const nothing = h("p", { class: "nothing" });
  const [name, tabName] = [h("span"), h("span")];
  const [count, tabCount] = [h("span", { class: "count" }), h("span", { class: "count" })];
  const element = h("section", { class: "column", id: `column-${status}`, "aria-labelledby": `title-${status}`, dataset: { status } },
    h("h2", { id: `title-${status}` }, name, count), list, nothing);
  const tab = h("a", { href: `#column-${status}`, class: "tab", dataset: { status, test: `tab-${status}` } }, tabName, tabCount);
  tab.addEventListener("click", (event) => {
    event.preventDefault();
    element.scrollIntoView({ block: "nearest", inline: "start" });
  });
  return { status, element, tab, list, nothing, names: [name, tabName], counts: [count, tabCount] };
}
