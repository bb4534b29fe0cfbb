/** What a program sees of a room, by the kind of the room: a state and its reducer. Pure. */

import { chatReducer, initialChat } from "../state/chat.js";
import { applyToOrder, hasEnded } from "../state/order.js";
import { initialPromos, promosReducer } from "../state/promos.js";
import { initialTracking, trackingReducer } from "../state/tracking.js";

const KINDS = new Map([
  ["order", { reduce: trackingReducer, initial: initialTracking }],
  ["chat", { reduce: chatReducer, initial: initialChat }],
  ["kitchen", kind({ orders: [], total: 0, unseen: 0, more: false }, boardOf, withOrder)],
  ["promos", kind(initialPromos, (snapshot) => promosReducer(initialPromos, { type: "snapshot", snapshot }), withPromo)],
  ["stock", kind({ items: [] }, ({ items }) => ({ items }), withLevel)],
  ["floor", kind({ figures: null }, ({ figures }) => ({ figures }), withFigures)],
]);
const OTHER = kind({ snapshot: null }, (snapshot) => ({ snapshot }), (state) => state);

/** The kind of a room: what stands before its first colon. */
export function kindOf(name) {
  return name.split(":", 1)[0];
}

/** @returns {{reduce: Function, initial: object}} for actions of the types `snapshot`, `event` and `failed`. */
export function stateOf(name) {
  return KINDS.get(kindOf(name)) ?? OTHER;
}

function kind(empty, fromSnapshot, withEvent) {
  const initial = Object.freeze({ phase: "loading", error: null, ...empty });
  const reduce = (state, action) => {
    switch (action.type) {
      case "snapshot":
        return { phase: "live", error: null, ...fromSnapshot(action.snapshot) };
      case "event":
        return withEvent(state, action.event);
      case "failed":
        return { ...initial, phase: "failed", error: action.code };
      default:
        return state;
    }
  };
  return { reduce, initial };
}

function boardOf({ orders, total, unseen, more }) {
  return { orders, total, unseen, more };
}

/** Open orders only: one that has ended leaves the board. */
function withOrder(state, event) {
  const id = event.data?.order?.id ?? event.data?.order_id;
  const before = state.orders.find((order) => order.id === id) ?? null;
  const after = applyToOrder(before, event);
  if (after === before) return state;
  const orders = before ? state.orders.map((order) => (order === before ? after : order)) : [...state.orders, after];
  const open = orders.filter((order) => !hasEnded(order));
  const unseen = state.unseen + isUnseen(after) - isUnseen(before);
  return { ...state, orders: open, unseen, total: state.total + open.length - state.orders.length };
}

function isUnseen(order) {
  return Number(order?.status === "received" && !order.acknowledged);
}

function withPromo(state, event) {
  const promos = promosReducer(state, { type: "event", event });
  return promos === state ? state : { ...state, ...promos };
}

function withLevel(state, { type, data }) {
  if (!type.startsWith("stock.")) return state;
  const level = { sku: data.sku, name: data.name, left: data.left };
  const isKnown = state.items.some(({ sku }) => sku === level.sku);
  const items = isKnown ? state.items.map((item) => (item.sku === level.sku ? level : item)) : [...state.items, level];
  return { ...state, items };
}

function withFigures(state, { type, data }) {
  return type === "floor.tick" ? { ...state, figures: data.figures } : state;
}
