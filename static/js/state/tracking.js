/** One order as its customer follows it: the document, its history, and whether it could be read. Pure. */

import { applyToOrder } from "./order.js";
import { STEPS, statusOf } from "./statuses.js";

/** Events worth a line in the history, besides those by which a status is entered. */
const TOLD = new Set(["order.accepted", "order.courier_assigned", "order.delayed", "order.recalled", "notice.sent"]);

export const initialTracking = Object.freeze({ phase: "loading", order: null, history: [], error: null });

export function trackingReducer(state, action) {
  switch (action.type) {
    case "snapshot": {
      const order = action.snapshot?.order ?? action.snapshot ?? null;
      const history = action.events ? action.events.filter(told) : state.history;
      return { phase: order?.id ? "live" : "missing", order, history: withPlaced(history, order), error: null };
    }
    case "event": {
      const order = applyToOrder(state.order, action.event);
      const history = told(action.event) ? addOnce(state.history, action.event) : state.history;
      return order === state.order && history === state.history ? state : { ...state, order, history };
    }
    case "failed":
      return state.order ? state : { ...state, phase: "missing", error: action.code };
    case "placed":
      return { phase: "live", order: action.order, history: withPlaced([], action.order), error: null };
    case "restored":
      return action.state;
    case "forget":
      return initialTracking;
    default:
      return state;
  }
}

/** Whether this is a state that can be shown: it may come from a tab's storage. */
export function isTracking(state) {
  const { phase, order, history } = state ?? {};
  const isOrder = Boolean(order?.id && order.status && order.delivery && order.customer) && Array.isArray(order.items);
  return phase === "live" && isOrder && Array.isArray(history) && history.every((event) => Boolean(event?.type && event.data));
}

/** The delay that was told last, if the order still waits for it: one that is on its way, or may be fetched, does not. */
export function lastDelay({ order, history }) {
  const waitsUntil = order?.delivery?.kind === "delivery" ? "en_route" : "ready";
  if (!order || STEPS.indexOf(order.status) >= STEPS.indexOf(waitsUntil)) return null;
  return order.delay ?? history.findLast((event) => event.type === "order.delayed")?.data ?? null;
}

/** Why the order went back to the status that it is in, or null if it came there by a step forward. */
export function lastRecall({ order, history }) {
  const last = history.findLast(({ type }) => type === "order.recalled" || statusOf(type));
  return last?.type === "order.recalled" && last.data.status === order?.status ? last.data : null;
}

/** When each status was entered, those an order was taken back from left out: `{received: at, …}`. */
export function reachedAt(state) {
  const reached = new Map();
  for (const { type, at, data } of state.history) {
    const status = statusOf(type);
    if (STEPS.includes(status)) reached.set(status, at);
    if (type === "order.recalled") STEPS.slice(STEPS.indexOf(data.status) + 1).forEach((later) => reached.delete(later));
  }
  return Object.fromEntries(reached);
}

function told(event) {
  return TOLD.has(event.type) || statusOf(event.type) !== undefined;
}

function addOnce(history, event) {
  return history.some((known) => known.offset !== undefined && known.offset === event.offset)
    ? history
    : [...history, event];
}

/** A history always opens with the placing of the order, also where the hub keeps only its latest events. */
function withPlaced(history, order) {
  if (!order || history.some((event) => event.type === "order.received")) return history;
  return [{ type: "order.received", at: order.placed_at, data: { order } }, ...history];
}
