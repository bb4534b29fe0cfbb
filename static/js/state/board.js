/** The kitchen's board: every order not ended, and cancelled ones until somebody has seen them. Pure. */

import { applyToOrder, statusSince } from "./order.js";

export const COLUMNS = ["received", "preparing", "ready", "en_route"];

export const initialBoard = Object.freeze({ loaded: false, orders: {} });

export function boardReducer(state, action) {
  switch (action.type) {
    case "snapshot": {
      const cancelled = Object.values(state.orders).filter((order) => order.status === "cancelled");
      return { loaded: true, orders: byId([...cancelled, ...(action.snapshot?.orders ?? [])]) };
    }
    case "event":
      return withEvent(state, action.event);
    case "dismiss":
      return { ...state, orders: without(state.orders, action.order_id) };
    default:
      return state;
  }
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

function withEvent(state, event) {
  const id = event.data?.order?.id ?? event.data?.order_id;
  if (!id) return state;
  const before = state.orders[id] ?? null;
  const after = applyToOrder(before, event);
  if (after === before || !after) return state;
  if (after.status === "delivered") return { ...state, orders: without(state.orders, id) };
  const card = after.status === "cancelled" ? { ...after, cancelled_in: before?.status ?? "received" } : after;
  return { ...state, orders: { ...state.orders, [id]: card } };
}

function byId(orders) {
  return Object.fromEntries(orders.map((order) => [order.id, order]));
}

function without(orders, id) {
  const { [id]: gone, ...rest } = orders;
  return gone ? rest : orders;
}
