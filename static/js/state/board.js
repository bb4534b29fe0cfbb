/**
 * The kitchen's board: every order not ended, and cancelled ones until somebody has seen them. Pure.
 *
 * The hub's snapshot holds the most urgent orders; the others come in pages. Events flow meanwhile, and may be about an
 * order that is on a page under way: they are kept until it is here.
 */

import { applyToOrder, hasEnded, statusSince } from "./order.js";
import { ENDED, OPEN as COLUMNS, statusOf } from "./statuses.js";

const MAX_HELD = 3000; // orders; the others wait at the hub until there is room
const MAX_HEARD = 1000; // events while a page is under way; past it the page is asked for again
const REREAD_AFTER = 50; // orders ended: well before those the hub left out are the next to be cooked

/**
 * more: open orders that are not here; unseenMore: those of them that nobody has acknowledged; next: where their pages go
 * on, or null; ended: how many have ended since the snapshot; heard: the events since a page was asked for, or null;
 * batch: counts the times that orders came in numbers, which are no news to be shown as such.
 */
export const initialBoard = Object.freeze({
  loaded: false, orders: {}, more: 0, unseenMore: 0, next: null, ended: 0, heard: null, batch: 0,
});

export function boardReducer(state, action) {
  switch (action.type) {
    case "snapshot":
      return withSnapshot(state, action.snapshot ?? {});
    case "event":
      return withEvent(noted(state, action.event), action.event);
    case "asking":
      return { ...state, heard: [] };
    case "page":
      return withPage(state, action);
    case "restored":
      return { ...action.state, heard: null, batch: state.batch + 1 };
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
  const { loaded, orders, more, unseenMore, next, ended } = state ?? {};
  const isOrder = (order) => Boolean(order?.id && order.status && order.delivery && order.customer) && Array.isArray(order.items);
  const isCounted = [more, unseenMore, ended].every(Number.isInteger) && (next === null || typeof next === "string");
  return loaded === true && isCounted && Object.values(orders).every(isOrder);
}

/** The cards of one column: orders that nobody has seen first, then those that wait longest. A cancelled one stays where it was. */
export function cardsIn(state, column) {
  return columnsOf(state)[column];
}

const known = new WeakMap(); // states to their columns

/** @returns {Record<string, object[]>} the cards of each column. */
export function columnsOf({ orders }) {
  if (!known.has(orders)) known.set(orders, sortedInto(orders));
  return known.get(orders);
}

/** Orders here that nobody has seen yet: the alarm sounds for these. */
export function unseenOrders(state) {
  return columnsOf(state).received.filter(isUnseen);
}

/** How many orders nobody has seen yet, those not here included. */
export function unseenCount(state) {
  return unseenOrders(state).length + state.unseenMore;
}

/** Whether another page of orders is to be asked for now. */
export function wantsPage(state) {
  return state.next !== null && state.heard === null && heldOpen(state.orders) < MAX_HELD;
}

/** Whether orders are missing here that come in no page, and so many have ended that it is time to read the board anew. */
export function needsReread(state) {
  return state.more > 0 && state.next === null && state.ended >= REREAD_AFTER;
}

/** The first few codes, and how many others there are: "7K3Q, 8M2P +3". */
export function listed(codes, total = codes.length, most = 6) {
  const shown = codes.slice(0, most);
  return total > shown.length ? `${shown.join(", ")} +${total - shown.length}` : shown.join(", ");
}

function withSnapshot(state, snapshot) {
  const cancelled = Object.values(state.orders).filter((order) => order.status === "cancelled");
  const given = (snapshot.orders ?? []).map((order) => sameOr(state.orders[order.id], order));
  const unseen = given.filter(isUnseen).length;
  return {
    loaded: true,
    orders: byId([...cancelled, ...given]),
    more: Math.max(0, (snapshot.total ?? 0) - given.length),
    unseenMore: Math.max(0, (snapshot.unseen ?? 0) - unseen),
    next: snapshot.next ?? null,
    ended: 0,
    heard: null,
    batch: state.batch + 1,
  };
}

/** The page that was asked for from `from` on, or null if it did not come. */
function withPage(state, { from, page }) {
  if (state.next !== from || !state.heard) return state; // the board has begun anew meanwhile
  const { heard } = state;
  if (!page || heard.length >= MAX_HEARD) return { ...state, heard: null };
  const orders = { ...state.orders };
  for (const order of page.orders) if (!orders[order.id] || orders[order.id].version < order.version) orders[order.id] = order;
  const ids = new Set(page.orders.map((order) => order.id));
  const merged = heard.filter((event) => ids.has(orderIdOf(event))).reduce(withEvent, { ...state, orders, heard: null });
  const isLast = page.next === null;
  const held = heldOpen(merged.orders);
  const more = isLast ? 0 : Math.max(0, totalNow(page, heard) - held);
  const unseenMore = Math.min(more, Math.max(0, page.unseen - unseenOrders(merged).length));
  return { ...merged, more, unseenMore, next: page.next, batch: state.batch + 1 };
}

/** How many orders are open: as many as when the page was read, and what has come and gone since. */
function totalNow(page, heard) {
  const read = Number(page.cursor.slice(page.cursor.lastIndexOf("-") + 1));
  const step = ({ type, offset }) => (offset > read ? (type === "order.received") - isEnd(type) : 0);
  return heard.reduce((total, event) => total + step(event), page.total);
}

function noted(state, event) {
  if (!state.heard || state.heard.length >= MAX_HEARD || !orderIdOf(event)) return state;
  return { ...state, heard: [...state.heard, event] };
}

function withEvent(state, event) {
  const id = orderIdOf(event);
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
  if (type === "order.acknowledged") return { ...state, unseenMore: Math.max(0, state.unseenMore - 1) };
  if (!isEnd(type) || state.more === 0) return state;
  const more = state.more - 1;
  return { ...state, more, unseenMore: Math.min(more, state.unseenMore), ended: state.ended + 1 };
}

function isEnd(type) {
  return ENDED.has(statusOf(type));
}

function isUnseen(order) {
  return order.status === "received" && !order.acknowledged;
}

function orderIdOf({ data }) {
  return data?.order?.id ?? data?.order_id;
}

/** The order that is here, if the other says nothing new: its card can stay as it is. */
function sameOr(held, order) {
  const isSame = held?.version === order.version && JSON.stringify(held.eta) === JSON.stringify(order.eta);
  return isSame ? held : order;
}

function sortedInto(orders) {
  const columns = Object.fromEntries(COLUMNS.map((column) => [column, []]));
  for (const order of Object.values(orders)) columns[order.status === "cancelled" ? order.cancelled_in : order.status]?.push(order);
  for (const cards of Object.values(columns)) cards.sort(byWait);
  const { received } = columns;
  columns.received = [...received.filter(isUnseen), ...received.filter((order) => !isUnseen(order))];
  return columns;
}

/** Times of one form, and ids, in the order of their characters: with a language's rules it takes twenty times as long. */
function byWait(a, b) {
  const [since, other] = [statusSince(a), statusSince(b)];
  if (since !== other) return since < other ? -1 : 1;
  return a.id < b.id ? -1 : 1;
}

function heldOpen(orders) {
  let count = 0;
  for (const id in orders) if (!hasEnded(orders[id])) count++;
  return count;
}

function byId(orders) {
  return Object.fromEntries(orders.map((order) => [order.id, order]));
}

function without(orders, id) {
  const { [id]: gone, ...rest } = orders;
  return gone ? rest : orders;
}
