/** What was ordered, and what has happened to it. */

import { statusOf } from "../state/statuses.js";
import { h, icon } from "./dom.js";
import { clockTime, money, t } from "./i18n.js";
import { reasonWords, whyCancelled } from "./reasons.js";

export function itemsOf(order) {
  return h("ul", { class: "receipt", dataset: { test: "order-items" } },
    order.items.map((line) => h("li", {},
      h("span", { class: "receipt-qty" }, `${line.qty} ×`),
      h("span", { class: "receipt-name" }, line.name, line.notes ? h("em", {}, line.notes) : null),
      h("span", { class: "receipt-price" }, money(line.qty * line.unit_price, order.currency)))),
    h("li", { class: "receipt-total" }, h("span", {}, t("cart.total")), h("strong", {}, money(order.total, order.currency))));
}

/** The history, the latest first. */
export function historyOf(state) {
  return h("ol", { class: "history", reversed: true, dataset: { test: "order-history" } },
    [...state.history].reverse().map((event) => h("li", { dataset: { type: event.type } },
      h("time", { dateTime: event.at }, clockTime(event.at)),
      icon("icons", pictureOf(event.type)),
      h("span", {}, wordsOf(event, state.order)))));
}

function wordsOf({ type, data }, order) {
  if (type === "notice.sent") return data.message;
  const kind = order?.delivery.kind ?? "pickup";
  const reason = type === "order.cancelled" ? whyCancelled(order, data) : reasonWords(data);
  const values = { reason, minutes: data.minutes, name: data.courier?.name, status: t(`step.${kind}.${data.status}`) };
  return t(`history.${type.replace("order.", "")}`, values);
}

function pictureOf(type) {
  return {
    "order.accepted": "check", "order.courier_assigned": "person", "order.delayed": "clock", "order.recalled": "back",
  }[type] ?? statusOf(type) ?? "alert"; // a status has its own picture
}
