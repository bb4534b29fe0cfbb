/** The orders that ended lately, so that a wrong tap can be taken back after its card is gone. Pure. */

import { applyToOrder, hasEnded, mayRecall, statusSince } from "./order.js";

const MAX_KEPT = 20;
export const LATELY_MS = 2 * 3_600_000;

/** Documents of ended orders, the latest first. */
export const nothingEnded = Object.freeze([]);

export function justEndedReducer(orders, action) {
  switch (action.type) {
    case "event":
      return withEvent(orders, action);
    case "read": // what the hub says has ended
      return put(orders, action.orders.filter(hasEnded));
    default:
      return orders;
  }
}

/**
 * @param {object[]} ended
 * @param {{open: Record<string, object>, roles: string[], now: number}} reader open: the orders on the board, by id: an answer of
 *   the hub may be older than what the board has heard. now: milliseconds, by the hub's clock.
 * @returns {{order: object, canRecall: boolean}[]}
 */
export function rowsOf(ended, { open, roles, now }) {
  return ended
    .filter((order) => now - Date.parse(statusSince(order)) < LATELY_MS && !isOpen(open[order.id]))
    .map((order) => ({ order, canRecall: mayRecall(order, roles, now) }));
}

/** When the next of these can't be recalled any more, in milliseconds; null if none can be recalled now. */
export function nextExpiry(rows) {
  const times = rows.filter((row) => row.canRecall).map(({ order }) => Date.parse(order.recall.until));
  return times.length ? Math.min(...times) : null;
}

/** before: the document that the board had until this event, if it had one. */
function withEvent(orders, { event, before }) {
  const id = event.data?.order_id;
  if (event.type === "order.recalled") return orders.some((order) => order.id === id) ? orders.filter((order) => order.id !== id) : orders;
  const after = applyToOrder(before ?? null, event);
  return after && after !== before && hasEnded(after) ? put(orders, [after]) : orders;
}

function put(orders, ended) {
  const byId = new Map(orders.map((order) => [order.id, order]));
  for (const order of ended) if (!(byId.get(order.id)?.version >= order.version)) byId.set(order.id, order);
  const latest = [...byId.values()].sort(byEnd).slice(0, MAX_KEPT);
  return latest.length === orders.length && latest.every((order, index) => order === orders[index]) ? orders : latest;
}

function byEnd(a, b) {
  const [since, other] = [statusSince(a), statusSince(b)];
  if (since !== other) return since < other ? 1 : -1;
  return a.id < b.id ? -1 : 1;
}

function isOpen(order) {
  return Boolean(order) && !hasEnded(order);
}
