/** One order in a list of the manager's: its code, whose it is, where it is, when it was placed, and what it costs. */

import { h } from "./dom.js";
import { clockTime, money, t } from "./i18n.js";

/**
 * @param {object} order
 * @param {{test: string, onPick?: (id: string) => void}} options test: the beginning of its `data-test`; onPick: its code is a button.
 */
export function orderRow(order, { test, onPick }) {
  return h("li", { dataset: { test: `${test}-${order.id}`, slides: order.id, status: order.status } },
    onPick ? h("button", {
      class: "recent-code", type: "button", "aria-label": t("manager.cancel_like", { code: order.code }),
      dataset: { test: `pick-${order.id}` }, on: { click: () => onPick(order.id) },
    }, order.code) : h("b", {}, order.code),
    h("span", { class: "recent-who" }, order.customer.name),
    h("span", { class: "recent-status" }, t(`step.${order.delivery.kind}.${order.status}`)),
    h("time", { dateTime: order.placed_at }, clockTime(order.placed_at)),
    h("span", { class: "recent-total" }, money(order.total, order.currency)));
}
