/** One order on the kitchen's board. */

import { isWaiting, nextStatus, statusSince } from "../state/order.js";
import { whyCancelled } from "./cancelled.js";
import { h, icon } from "./dom.js";
import { clockTime, t } from "./i18n.js";

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
    dataset: { test: `card-${order.id}`, status: order.status, since: statusSince(order), pace: "calm" },
  },
  head(order, act),
  h("ul", { class: "ticket-items" }, order.items.map((line) => itemLine(order, line, act))),
  facts(order, act),
  order.status === "cancelled" ? cancelledFoot(order, act) : foot(order, unseen, act));
}

function head(order, act) {
  return h("header", { class: "ticket-head" },
    h("h3", {}, order.code),
    h("span", { class: "timer", role: "timer", "aria-label": t("kitchen.waiting") }, "0:00"),
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
  const { delivery, customer, delay, eta, courier, status } = order;
  const open = delivery.kind === "delivery" && ["preparing", "ready", "en_route"].includes(status);
  return h("div", { class: "facts" },
    h("p", {}, icon("icons", delivery.kind === "delivery" ? "en_route" : "bag"),
      h("span", {}, h("b", { class: `kind kind-${delivery.kind}` }, t(`kitchen.${delivery.kind}`)),
        ` · ${customer.name}`, customer.phone ? ` · ${customer.phone}` : "")),
    delivery.kind === "delivery" ? h("p", {}, icon("icons", "home"), h("span", {}, delivery.address)) : null,
    eta ? h("p", {}, icon("icons", "clock"), h("span", {}, t("kitchen.promised", { time: clockTime(eta.latest) }))) : null,
    isWaiting(order) ? h("p", { class: "warn" }, icon("icons", "alert"), h("span", {}, waitingText(order))) : null,
    delay ? h("p", { class: "warn" }, icon("icons", "alert"), h("span", {}, t("order.delayed", delay))) : null,
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
      h("span", {}, t("kitchen.cancelled", { reason: whyCancelled(order, order.cancel_reason), time: clockTime(order.updated_at) }))),
    h("button", {
      class: "button", type: "button", dataset: { test: `dismiss-${order.id}` }, on: { click: () => act.dismiss(order) },
    }, t("kitchen.seen")));
}
