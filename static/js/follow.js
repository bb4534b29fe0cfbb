/** Follow one order's room into a tracking store. */

import { readKeptRoom } from "./kept-room.js";
import { hasEnded } from "./state/order.js";
import { isTracking } from "./state/tracking.js";
import { Keepsake } from "./wire/keepsake.js";

/** The order id a tracking token is for: what stands before its first dot. */
export function orderIdOf(token) {
  return String(token).split(".", 1)[0];
}

/** Whether this is an order that a device follows, as it was kept: its link. */
export function isFollowed(placed) {
  return ["token", "url", "code"].every((field) => typeof placed?.[field] === "string");
}

/** @returns {() => void} stops following. An order that has ended is kept in no tab. */
export function followOrder(hub, token, store) {
  const room = orderRoom(token);
  return readKeptRoom(hub, room, store, {
    token,
    keepsake: new Keepsake(room, { isSound: isTracking }),
    isWorthKeeping: ({ order }) => Boolean(order) && !hasEnded(order),
    onSnapshot: (snapshot, events) => store.dispatch({ type: "snapshot", snapshot, events }),
    onEvent: (event) => store.dispatch({ type: "event", event }),
    onError: (error) => store.dispatch({ type: "failed", code: error.code }),
  });
}

/** Leave nothing of an order in this tab. */
export function forgetOrder(token) {
  new Keepsake(orderRoom(token), { isSound: isTracking }).forget();
}

function orderRoom(token) {
  return `order:${orderIdOf(token)}`;
}
