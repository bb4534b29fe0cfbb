/** An order's document, and what each event makes of it. Pure. */

import { ENDED, statusOf, stepsOf } from "./statuses.js";

// From here on, an announced delay means nothing any more.
const DELAY_OVER = new Set(["en_route", "delivered", "cancelled"]);

/** Whether an announced delay means nothing any more: the order is on its way, or has ended. */
export function isDelayOver(order) {
  return DELAY_OVER.has(order?.status);
}

/** The delay that was announced last, or null; also of a document that was kept before delays ended. */
export function delayOf(order) {
  return isDelayOver(order) ? null : (order?.delay ?? null);
}

/** The status one tap leads to, or null at the end. */
export function nextStatus(order) {
  const steps = stepsOf(order);
  const at = steps.indexOf(order.status);
  return at < 0 ? null : (steps[at + 1] ?? null);
}

export function hasEnded(order) {
  return ENDED.has(order.status);
}

/**
 * Whether somebody with these roles may take the last step back: a step in the kitchen at any time, another one as long as the
 * hub offers it in `recall`.
 *
 * @param {number} now milliseconds, by the hub's clock
 */
export function mayRecall({ status, recall }, roles, now) {
  if (recall) return now <= Date.parse(recall.until) && recall.roles.some((role) => roles.includes(role));
  return ["preparing", "ready"].includes(status) && roles.some((role) => ["kitchen", "manager"].includes(role));
}

/** Why the order was cancelled, as its event said it; null if this page has not heard it. */
export function cancelledFor({ cancel_reason: reason, cancel_code: reason_code }) {
  return reason ? { reason, reason_code } : null;
}

/** A large order that nobody has accepted yet. */
export function isWaiting(order) {
  return order.acceptance?.state === "waiting" && !hasEnded(order);
}

/** When the order came into its present status. */
export function statusSince(order) {
  return order.status_since ?? order.placed_at;
}

/**
 * The document after an event; the same object if the event is old news.
 *
 * @param {object | null} order
 * @param {{type: string, at: string, data: object}} event
 */
export function applyToOrder(order, event) {
  const { type, data, at } = event;
  if (type === "order.received") return newer(order, data.order) ? data.order : order;
  if (type === "order.recalled" && newer(order, data.order)) return data.order; // it had ended, so it may not be here
  if (!order || data?.order_id !== order.id) return order;
  if (data.version !== undefined && data.version <= order.version) return order;
  const known = { ...order, version: data.version ?? order.version, updated_at: at };
  if (statusOf(type) || type === "order.recalled") return withStatus(known, type, data, at);
  switch (type) {
    case "order.courier_assigned":
      return { ...known, courier: data.courier };
    case "order.item_done":
    case "order.item_undone":
      return { ...known, items: markItem(known.items, data.item, type === "order.item_done") };
    case "order.acknowledged":
      return { ...known, acknowledged: true };
    case "order.accepted":
      return { ...known, acceptance: { state: "accepted" } };
    case "order.expired":
      return { ...known, expired: data.why };
    case "order.delayed":
      return { ...known, delay: { minutes: data.minutes, reason: data.reason, ...(data.reason_code && { reason_code: data.reason_code }) } };
    case "order.eta_changed":
      return { ...known, eta: data.eta };
    default:
      return order;
  }
}

function newer(order, other) {
  return Boolean(other) && (!order || other.id !== order.id || other.version > order.version);
}

function withStatus(order, type, data, at) {
  return {
    ...order,
    status: data.status ?? statusOf(type),
    status_since: at,
    eta: data.eta === undefined ? order.eta : data.eta,
    recall: data.recall,
    delay: DELAY_OVER.has(data.status ?? statusOf(type)) ? undefined : order.delay,
    ...(type === "order.cancelled" ? { cancel_reason: data.reason, cancel_code: data.reason_code } : {}),
  };
}

function markItem(items, item, done) {
  return items.map((line) => (line.item === item ? { ...line, done } : line));
}
