/** The kitchen's board: every order not ended, and cancelled ones until somebody has seen them. Pure. */

import { applyToOrder, hasEnded, statusSince } from "./order.js";

export const COLUMNS = ["received", "preparing", "ready", "en_route"];

const REREAD_AFTER = 50; // orders ended: well before those the hub left out are the next to be cooked

/** `more`: active orders that the hub did not send; `ended`: how many have ended since it sent the others. */
export const initialBoard = Object.freeze({ loaded: false, orders: {}, more: 0, ended: 0 });

export function boardReducer(state, action) {
  switch (action.type) {
    case "snapshot": {
      const cancelled = Object.values(state.orders).filter((order) => order.status === "cancelled");
      const orders = action.snapshot?.orders ?? [];
      const more = Math.max(0, (action.snapshot?.total ?? 0) - orders.length);
      return { loaded: true, orders: byId([...cancelled, ...orders]), more, ended: 0 };
    }
    case "event":
      return withEvent(state, action.event);
    case "restored":
      return action.state;
    case "forget":
      return initialBoard;
    case "reread": // under way: once is enough
      return { ...state, ended: 0 };
    case "dismiss":
      return { ...state, orders: without(state.orders, action.order_id) };
    default:
      return state;
  }
}

/** Whether this is a state that can be shown: it may come from a tab's storage. */
export function isBoard(state) {
  const { loaded, orders, more, ended } = state ?? {};
  const isOrder = (order) => Boolean(order?.id && order.status && order.delivery && order.customer) && Array.isArray(order.items);
  return loaded === true && Number.isInteger(more) && Number.isInteger(ended) && Object.values(orders).every(isOrder);
}

/** The cards of one column, those that wait longest first. A cancelled order stays in the column it was in. */
export function cardsIn(state, column) {
  return Object.values(state.orders)
    .filter((order) => (order.status === "cancelled" ? order.cancelled_in : order.status) === column)
    .sort((a, b) => statusSince(a).localeCompare(statusSince(b)) || a.id.localeCompare(b.id));
}

/** Orders that nobody has seen yet: the alarm sounds for these. */
export function unseenOrders(state) {
  return Object.values(state.orders).filter((order) => order.status === "received" && !order.acknowledged);
}

/** Whether some orders are missing here, and so many have ended that it is time to read the board anew. */
export function needsReread(state) {
  return state.more > 0 && state.ended >= REREAD_AFTER;
}

/** The first few codes, and how many others there are: "7K3Q, 8M2P +3". */
export function listed(codes, most = 6) {
  const others = codes.length - most;
  return others > 0 ? `${codes.slice(0, most).join(", ")} +${others}` : codes.join(", ");
}

function withEvent(state, event) {
  const id = event.data?.order?.id ?? event.data?.order_id;
  if (!id) return state;
  const before = state.orders[id] ?? null;
  const after = applyToOrder(before, event);
  if (!before && !after) return withoutUnknown(state, event.type);
  if (after === before) return state;
  const ended = state.ended + (hasEnded(after) ? 1 : 0);
  if (after.status === "delivered") return { ...state, ended, orders: without(state.orders, id) };
  const card = after.status === "cancelled" ? { ...after, cancelled_in: before?.status ?? "received" } : after;
  return { ...state, ended, orders: { ...state.orders, [id]: card } };
}

function withoutUnknown(state, type) {
  const isEnd = type === "order.delivered" || type === "order.cancelled";
  return isEnd && state.more > 0 ? { ...state, more: state.more - 1, ended: state.ended + 1 } : state;
}

function byId(orders) {
  return Object.fromEntries(orders.map((order) => [order.id, order]));
}

function without(orders, id) {
  const { [id]: gone, ...rest } = orders;
  return gone ? rest : orders;
}
