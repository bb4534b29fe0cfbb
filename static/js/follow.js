/** Follow one order's room into a tracking store. */

/** The order id a tracking token is for: what stands before its first dot. */
export function orderIdOf(token) {
  return String(token).split(".", 1)[0];
}

/** @returns {() => void} stops following. */
export function followOrder(hub, token, store) {
  return hub.room(`order:${orderIdOf(token)}`, {
    token,
    onSnapshot: (snapshot, events) => store.dispatch({ type: "snapshot", snapshot, events }),
    onEvent: (event) => store.dispatch({ type: "event", event }),
    onError: (error) => store.dispatch({ type: "failed", code: error.code }),
  });
}
