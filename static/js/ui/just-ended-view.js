/** The orders that ended lately, below the board: closed until somebody looks for one, and without a timer while it is. */

import { cancelledFor } from "../state/order.js";
import { justEndedReducer, nextExpiry, nothingEnded, rowsOf } from "../state/just-ended.js";
import { createStore } from "../state/store.js";
import { clock, now } from "../wire/clock.js";
import { $, forgetKeyed, h, icon, keyed } from "./dom.js";
import { clockTime, errorText, onLang, t } from "./i18n.js";
import { usualReason, whyCancelled } from "./reasons.js";
import { beforeSliding } from "./tap-guard.js";
import { whileBusy } from "./wait.js";

const READ = 100; // orders, the newest: those that ended before this page was here are among them

/**
 * @param {{host: HTMLDetailsElement, board: object, roles: string[], recall: Function, get: Function, onDenied: Function}} parts
 *   board: its store; get(path): an answer of the hub.
 * @returns {{hear: (event: object) => void}} to be told of an event before the board is.
 */
export function mountJustEnded({ host, board, roles, recall, get, onDenied }) {
  const store = createStore(justEndedReducer, nothingEnded);
  const [list, said, toggle] = [$("ul", host), $("p", host), $("summary", host)];
  let rows = [];
  let problem = null;
  let timer;

  const draw = () => {
    clearTimeout(timer);
    rows = same(rows, rowsOf(store.state, { open: board.state.orders, roles, now: now() }));
    if (!host.open) return;
    const hadFocus = list.contains(document.activeElement);
    beforeSliding(list);
    keyed(list, rows, (row) => row.order.id, (row) => rowElement(row, recall));
    if (hadFocus && !list.contains(document.activeElement)) toggle.focus();
    const words = problem ? errorText(problem) : rows.length ? "" : t("ended.none");
    if (said.textContent !== words) said.textContent = words;
    const until = nextExpiry(rows);
    if (until !== null) timer = setTimeout(draw, Math.max(0, until - now()) + 1);
  };
  const read = async () => {
    try {
      const { orders } = await get(`/api/orders?limit=${READ}`);
      problem = null;
      store.dispatch({ type: "read", orders });
    } catch (error) {
      if (!error.code) throw error;
      problem = error;
      onDenied(error);
    }
    draw();
  };
  host.addEventListener("toggle", () => {
    draw();
    if (host.open) whileBusy(list, read);
  });
  store.watch(draw);
  clock.watch(draw);
  onLang(() => {
    forgetKeyed(list);
    draw();
  });
  return { hear: (event) => store.dispatch({ type: "event", event, before: board.state.orders[event.data?.order_id] }) };
}

/** The rows that are as they were stay the same objects, and so their elements stay as well. */
function same(before, rows) {
  return rows.map((row) => before.find((one) => one.order === row.order && one.canRecall === row.canRecall) ?? row);
}

function rowElement({ order, canRecall }, recall) {
  const { id, code, status, customer, delivery } = order;
  return h("li", { dataset: { test: `ended-${id}`, slides: `ended-${id}`, status } },
    h("b", {}, code),
    h("span", { class: "ended-what" }, icon("icons", status), h("span", {}, whatOf(order, delivery.kind))),
    h("span", { class: "ended-name" }, customer.name),
    canRecall ? h("button", {
      class: "button", type: "button", "aria-label": `${recallWords(order)}, ${code}`, dataset: { test: `recall-${id}` },
      on: { click: (event) => whileBusy(event.currentTarget, async () => recall(order, usualReason("mistake"))) },
    }, icon("icons", "back"), h("span", {}, recallWords(order))) : null);
}

function whatOf(order, kind) {
  const time = clockTime(order.status_since);
  const said = cancelledFor(order);
  if (said) return t("kitchen.cancelled", { reason: whyCancelled(order, said), time });
  return `${t(`step.${kind}.${order.status}`)} ${time}`;
}

function recallWords({ recall }) {
  return t("ended.recall", { column: t(`kitchen.column.${recall.to}`) });
}
