/** One order on the kitchen's board. */

import { cancelledFor, delayOf, isWaiting, nextStatus, statusSince } from "../state/order.js";
import { paceOf, stopwatch } from "../state/pace.js";
import { h, icon, replace } from "./dom.js";
import { clockTime, t } from "./i18n.js";
import { reasonWords, whyCancelled } from "./reasons.js";

/**
 * @param {object} order
 * @param {{advance: Function, accept: Function, acknowledge: Function, mark: Function, more: Function, courier: Function, dismiss: Function}} act
 *   each is given the order, and the control that was pressed.
 * @param {boolean} arrives it has just come into its column.
 */
export function ticket(order, act, arrives = false) {
  const unseen = order.status === "received" && !order.acknowledged;
  return h("article", {
    class: `ticket${unseen ? " unseen-order" : ""}${arrives ? " arrives" : ""}`,
    "aria-label": t("kitchen.card", { code: order.code }),
    dataset: { test: `card-${order.id}`, slides: order.id, status: order.status, pace: "fresh" },
  },
  h("p", { class: "pace", dataset: { test: `pace-${order.id}` } }),
  head(order, act),
  h("ul", { class: "ticket-items" }, order.items.map((line) => itemLine(order, line, act))),
  facts(order, act),
  order.status === "cancelled" ? cancelledFoot(order, act) : foot(order, unseen, act));
}

/** Bring a ticket's timer up to now, and how it stands with its promise: in words, with a picture, and in its colour. */
export function showAge(card, order, now) {
  card.querySelector(".time").textContent = stopwatch(now - Date.parse(statusSince(order)));
  if (order.status === "cancelled") return;
  const { pace, minutes, isPromise } = paceOf(order, now);
  card.dataset.pace = pace;
  const words = t(`kitchen.pace.${isPromise ? pace : "waits"}`, { n: minutes });
  const strip = card.firstElementChild;
  if (strip.dataset.words === words) return; // rebuilt once a minute, not once a second
  strip.dataset.words = words;
  replace(strip,
    icon("icons", pace === "late" ? "alert" : "clock"), h("b", {}, words),
    isPromise ? h("span", {}, h("span", { class: "unseen" }, `${t("kitchen.promised")} `), clockTime(order.eta.latest)) : null);
}

function head(order, act) {
  return h("header", { class: "ticket-head" },
    h("h3", {}, order.code),
    h("span", { class: "timer", role: "timer" }, h("span", { class: "unseen" }, `${t("kitchen.waiting")}: `), h("span", { class: "time" }, "0:00")),
    order.status === "cancelled" ? null : h("button", {
      class: "round more", type: "button", "aria-label": t("kitchen.more", { code: order.code }),
      dataset: { test: `more-${order.id}` }, on: { click: (event) => act.more(order, event.currentTarget) },
    }, icon("icons", "more")));
}

function itemLine(order, line, act) {
  return h("li", {}, h("label", { class: `item${line.done ? " done" : ""}` },
    h("input", {
      type: "checkbox", checked: line.done, disabled: order.status === "cancelled",
      dataset: { test: `item-${order.id}-${line.item}` },
      on: { change: (event) => act.mark(order, event.currentTarget, line) },
    }),
    h("span", { class: "qty" }, `${line.qty}×`),
    h("span", { class: "dish-name" }, line.name, line.notes ? h("em", {}, line.notes) : null)));
}

function facts(order, act) {
  const { delivery, customer, courier, status } = order;
  const delay = delayOf(order);
  const open = delivery.kind === "delivery" && ["preparing", "ready", "en_route"].includes(status);
  return h("div", { class: "facts" },
    h("p", {}, icon("icons", delivery.kind === "delivery" ? "en_route" : "bag"),
      h("span", {}, h("b", { class: `kind kind-${delivery.kind}` }, t(`kitchen.${delivery.kind}`)),
        ` · ${customer.name}`, customer.phone ? ` · ${customer.phone}` : "")),
    delivery.kind === "delivery" ? h("p", {}, icon("icons", "home"), h("span", {}, delivery.address)) : null,
    isWaiting(order) ? h("p", { class: "warn" }, icon("icons", "alert"), h("span", {}, waitingText(order))) : null,
    delay ? h("p", { class: "warn" }, icon("icons", "alert"), h("span", {}, t("order.delayed", { ...delay, reason: reasonWords(delay) }))) : null,
    open ? h("button", {
      class: `courier-pick${courier ? "" : " missing"}`, type: "button", dataset: { test: `courier-${order.id}` },
      on: { click: (event) => act.courier(order, event.currentTarget) },
    }, icon("icons", "en_route"), h("span", {}, courier ? courier.name : t("kitchen.assign"))) : null);
}

function waitingText({ acceptance: { until } }) {
  return until ? t("kitchen.waits_until", { time: clockTime(until) }) : t("kitchen.waits");
}

function foot(order, unseen, act) {
  const to = nextStatus(order);
  return h("footer", { class: "ticket-foot" },
    isWaiting(order) ? h("button", {
      class: "button ack", type: "button", dataset: { test: `accept-${order.id}` },
      on: { click: (event) => act.accept(order, event.currentTarget) },
    }, icon("icons", "check"), h("span", {}, t("kitchen.accept"))) : unseen ? h("button", {
      class: "button ack", type: "button", dataset: { test: `ack-${order.id}` },
      on: { click: (event) => act.acknowledge(order, event.currentTarget) },
    }, icon("icons", "bell"), h("span", {}, t("kitchen.acknowledge"))) : null,
    h("button", {
      class: `button advance to-${to}`, type: "button", dataset: { test: `advance-${order.id}` },
      on: { click: (event) => act.advance(order, event.currentTarget, to) },
    }, icon("icons", to), h("span", {}, t(`kitchen.to.${order.delivery.kind}.${to}`))));
}

function cancelledFoot(order, act) {
  return h("footer", { class: "ticket-foot" },
    h("p", { class: "cancelled-note" }, icon("icons", "cancelled"),
      h("span", {}, t("kitchen.cancelled", { reason: whyCancelled(order, cancelledFor(order) ?? {}), time: clockTime(order.updated_at) }))),
    h("button", {
      class: "button", type: "button", dataset: { test: `dismiss-${order.id}` }, on: { click: () => act.dismiss(order) },
    }, t("kitchen.seen")));
}
