/** One order as its customer follows it: the document, its history, and whether it could be read. Pure. */

import { applyToOrder } from "./order.js";

const STATUSES = ["received", "preparing", "ready", "en_route", "delivered"];

/** Events worth a line in the history. */
const TOLD = new Set([
  "order.received", "order.preparing", "order.ready", "order.en_route", "order.delivered", "order.cancelled",
  "order.accepted", "order.courier_assigned", "order.delayed", "order.recalled", "notice.sent",
]);

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
  return phase === "live" && Boolean(order?.id && order.status && order.delivery) && Array.isArray(order.items) && Array.isArray(history);
}

/** The latest reason a delay was given, if the order still waits for it. */
export function lastDelay(state) {
  return state.history.findLast((event) => event.type === "order.delayed")?.data ?? null;
}

/** When each status was entered, those an order was taken back from left out: `{received: at, …}`. */
export function reachedAt(state) {
  const reached = new Map();
  for (const { type, at, data } of state.history) {
    const status = type.replace("order.", "");
    if (STATUSES.includes(status)) reached.set(status, at);
    if (type === "order.recalled") STATUSES.slice(STATUSES.indexOf(data.status) + 1).forEach((later) => reached.delete(later));
  }
  return Object.fromEntries(reached);
}

function told(event) {
  return TOLD.has(event.type);
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
