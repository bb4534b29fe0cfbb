import assert from "node:assert/strict";
import { test } from "node:test";
import { boardReducer, cardsIn, initialBoard, listed, needsReread, unseenOrders } from "../../static/js/state/board.js";
import { applyToOrder, cancelledFor, delayOf, isWaiting, mayRecall, nextStatus } from "../../static/js/state/order.js";
import { stepsOf } from "../../static/js/state/statuses.js";
import { initialTracking, lastDelay, lastRecall, reachedAt, trackingReducer } from "../../static/js/state/tracking.js";

const order = (changes = {}) => ({
  id: "P1", code: "C-001", status: "received", version: 1, total: 2200, currency: "MXN", acknowledged: false,
  items: [{ item: 1, sku: "taco-pastor", name: "Taco al pastor", qty: 1, unit_price: 2200, notes: "", done: false }],
  customer: { name: "Ana" }, delivery: { kind: "pickup" }, courier: null, eta: null,
  placed_at: "2026-11-20T21:00:00.000Z", updated_at: "2026-11-20T21:00:00.000Z", status_since: "2026-11-20T21:00:00.000Z",
  ...changes,
});
const event = (type, data, at = "2026-11-20T21:05:00.000Z") => ({ type, at, data: { order_id: "P1", ...data } });

test("a pickup order skips the way there", () => {
  assert.deepEqual(stepsOf(order()), ["received", "preparing", "ready", "delivered"]);
  assert.equal(nextStatus(order({ status: "ready" })), "delivered");
  assert.equal(nextStatus(order({ status: "ready", delivery: { kind: "delivery" } })), "en_route");
  assert.equal(nextStatus(order({ status: "delivered" })), null);
  assert.equal(nextStatus(order({ status: "cancelled" })), null);
});

test("a step changes the status and restarts its timer", () => {
  const after = applyToOrder(order(), event("order.preparing", { status: "preparing", version: 2, by: "x", eta: { earliest: "a", latest: "b" } }));
  assert.equal(after.status, "preparing");
  assert.equal(after.version, 2);
  assert.equal(after.status_since, "2026-11-20T21:05:00.000Z");
  assert.deepEqual(after.eta, { earliest: "a", latest: "b" });
});

test("an event of a version already known changes nothing: a status never goes back by itself", () => {
  const before = order({ status: "ready", version: 5 });
  assert.equal(applyToOrder(before, event("order.preparing", { status: "preparing", version: 3 })), before);
  assert.equal(applyToOrder(before, event("order.preparing", { status: "preparing", version: 5 })), before);
});

test("an event of another order changes nothing", () => {
  const before = order();
  assert.equal(applyToOrder(before, { type: "order.ready", at: "", data: { order_id: "P2", version: 9, status: "ready" } }), before);
});

test("a recall takes the order a step back, with its timer", () => {
  const after = applyToOrder(order({ status: "ready", version: 4 }), event("order.recalled", { status: "preparing", version: 5, reason: "x" }));
  assert.equal(after.status, "preparing");
});

test("an item is done, and undone", () => {
  const done = applyToOrder(order(), event("order.item_done", { version: 2, item: 1, done: true }));
  assert.equal(done.items[0].done, true);
  assert.equal(applyToOrder(done, event("order.item_undone", { version: 3, item: 1, done: false })).items[0].done, false);
});

test("an ETA without a version is taken as it comes", () => {
  const after = applyToOrder(order({ version: 7 }), event("order.eta_changed", { eta: { earliest: "c", latest: "d" } }));
  assert.deepEqual(after.eta, { earliest: "c", latest: "d" });
  assert.equal(after.version, 7);
});

test("the board has an order once, whichever comes first: snapshot or event", () => {
  let board = boardReducer(initialBoard, { type: "event", event: { type: "order.received", at: "", data: { order: order() } } });
  board = boardReducer(board, { type: "snapshot", snapshot: { orders: [order({ version: 2 })] } });
  board = boardReducer(board, { type: "event", event: { type: "order.received", at: "", data: { order: order() } } });
  assert.equal(cardsIn(board, "received").length, 1);
  assert.equal(cardsIn(board, "received")[0].version, 2);
});

test("the alarm is for received orders that nobody acknowledged", () => {
  let board = boardReducer(initialBoard, { type: "snapshot", snapshot: { orders: [order(), order({ id: "P2", acknowledged: true }), order({ id: "P3", status: "preparing" })] } });
  assert.deepEqual(unseenOrders(board).map((one) => one.id), ["P1"]);
  board = boardReducer(board, { type: "event", event: event("order.acknowledged", { version: 2, by: "x" }) });
  assert.deepEqual(unseenOrders(board), []);
});

test("the band names six orders at most, and counts the others", () => {
  assert.equal(listed([]), "");
  assert.equal(listed(["1", "2", "3", "4", "5", "6"]), "1, 2, 3, 4, 5, 6");
  assert.equal(listed(["1", "2", "3", "4", "5", "6", "7", "8"]), "1, 2, 3, 4, 5, 6 +2");
});

test("a board counts the orders that it was not given, and asks for them before they are due", () => {
  const orders = Array.from({ length: 60 }, (_, number) => order({ id: `P${number}` }));
  const end = (board, id) => boardReducer(board, { type: "event", event: { type: "order.delivered", at: "", data: { order_id: id, status: "delivered", version: 2 } } });
  let board = boardReducer(initialBoard, { type: "snapshot", snapshot: { orders, total: 63 } });
  assert.equal(board.more, 3);
  board = end(board, "P-unknown");
  assert.equal(board.more, 2);
  board = boardReducer(board, { type: "event", event: { type: "order.ready", at: "", data: { order_id: "P-other", status: "ready", version: 2 } } });
  assert.equal(board.more, 2);
  for (let number = 0; number < 48; number++) board = end(board, `P${number}`);
  assert.equal(needsReread(board), false);
  board = end(board, "P48");
  assert.equal(needsReread(board), true);
  assert.equal(needsReread(boardReducer(board, { type: "reread" })), false);
  board = boardReducer(board, { type: "snapshot", snapshot: { orders: orders.slice(49), total: 11 } });
  assert.equal(board.more, 0);
  for (const { id } of orders) board = end(board, id);
  assert.equal(needsReread(board), false);
});

test("the code of a usual reason comes with the delay and the cancellation, and is absent where none was said", () => {
  const delayed = applyToOrder(order(), event("order.delayed", { version: 2, minutes: 5, reason: "Mucha demanda", reason_code: "busy" }));
  assert.deepEqual(delayed.delay, { minutes: 5, reason: "Mucha demanda", reason_code: "busy" });
  const cancelled = applyToOrder(delayed, event("order.cancelled", { status: "cancelled", version: 3, reason: "Se agotó", reason_code: "sold_out" }));
  assert.deepEqual(cancelledFor(cancelled), { reason: "Se agotó", reason_code: "sold_out" });
  const written = applyToOrder(delayed, event("order.cancelled", { status: "cancelled", version: 3, reason: "Se agotó" }));
  assert.deepEqual([cancelledFor(written).reason_code, cancelledFor(delayed)], [undefined, null]);
});

test("a delivered order leaves the board; a cancelled one stays where it was until it is dismissed", () => {
  const start = boardReducer(initialBoard, { type: "snapshot", snapshot: { orders: [order({ status: "preparing" }), order({ id: "P2", status: "ready" })] } });
  let board = boardReducer(start, { type: "event", event: { type: "order.delivered", at: "", data: { order_id: "P2", status: "delivered", version: 2 } } });
  assert.deepEqual(cardsIn(board, "ready"), []);
  board = boardReducer(board, { type: "event", event: event("order.cancelled", { status: "cancelled", version: 2, reason: "Se agotó", eta: null }) });
  assert.equal(cardsIn(board, "preparing")[0].cancel_reason, "Se agotó");
  board = boardReducer(board, { type: "snapshot", snapshot: { orders: [] } });
  assert.equal(cardsIn(board, "preparing").length, 1);
  board = boardReducer(board, { type: "dismiss", order_id: "P1" });
  assert.deepEqual(cardsIn(board, "preparing"), []);
});

test("cards stand in the order in which they came into their column", () => {
  const board = boardReducer(initialBoard, { type: "snapshot", snapshot: { orders: [order({ id: "new", status_since: "2026-11-20T21:09:00.000Z" }), order({ id: "old" })] } });
  assert.deepEqual(cardsIn(board, "received").map((one) => one.id), ["old", "new"]);
});

test("a history opens with the placing, takes each event once, and forgets steps that were taken back", () => {
  let state = trackingReducer(initialTracking, { type: "snapshot", snapshot: { order: order() }, events: [] });
  const step = { ...event("order.preparing", { status: "preparing", version: 2 }), offset: 7 };
  state = trackingReducer(state, { type: "event", event: step });
  state = trackingReducer(state, { type: "event", event: step });
  assert.deepEqual(state.history.map((one) => one.type), ["order.received", "order.preparing"]);
  assert.deepEqual(Object.keys(reachedAt(state)), ["received", "preparing"]);
  state = trackingReducer(state, { type: "event", event: { ...event("order.recalled", { status: "received", version: 3, reason: "x" }), offset: 8 } });
  assert.deepEqual(Object.keys(reachedAt(state)), ["received"]);
});

test("a reset without a history keeps the one there is", () => {
  let state = trackingReducer(initialTracking, { type: "snapshot", snapshot: { order: order() }, events: [{ ...event("order.delayed", { minutes: 5, reason: "y", version: 2 }), offset: 3 }] });
  state = trackingReducer(state, { type: "snapshot", snapshot: { order: order({ version: 9 }) }, events: null });
  assert.equal(lastDelay(state).minutes, 5);
});

test("a delay is no news any more when the order is on its way, or may be fetched", () => {
  const delayed = { ...event("order.delayed", { minutes: 5, reason: "y", version: 2 }), offset: 3 };
  const shown = (kind, status) => lastDelay({ order: order({ status, delivery: { kind } }), history: [delayed] })?.minutes ?? null;
  assert.deepEqual(["received", "preparing", "ready", "en_route", "delivered"].map((status) => shown("delivery", status)), [5, 5, 5, null, null]);
  assert.deepEqual(["received", "preparing", "ready", "delivered"].map((status) => shown("pickup", status)), [5, 5, null, null]);
});

test("an order that went back says why until it goes on", () => {
  const steps = [event("order.preparing", { status: "preparing" }), event("order.ready", { status: "ready" }), event("order.recalled", { status: "preparing", reason: "faltó uno" })];
  const preparing = { order: order({ status: "preparing" }), history: steps };
  assert.equal(lastRecall(preparing).reason, "faltó uno");
  assert.equal(lastRecall({ ...preparing, history: [...steps, event("order.courier_assigned", {})] }).reason, "faltó uno");
  assert.equal(lastRecall({ order: order({ status: "ready" }), history: [...steps, event("order.ready", { status: "ready" })] }), null);
});

test("a link that opens nothing shows as missing; a broken line later does not take the order away", () => {
  assert.equal(trackingReducer(initialTracking, { type: "failed", code: "not_found" }).phase, "missing");
  const live = trackingReducer(initialTracking, { type: "snapshot", snapshot: { order: order() }, events: [] });
  assert.equal(trackingReducer(live, { type: "failed", code: "unavailable" }).phase, "live");
});

const large = (changes = {}) => order({ acceptance: { state: "waiting", until: "2026-11-20T21:10:00.000Z" }, ...changes });

test("a large order waits until somebody accepts it, or begins with it", () => {
  assert.equal(isWaiting(order()), false);
  assert.equal(isWaiting(large()), true);
  const accepted = applyToOrder(large(), event("order.accepted", { version: 2, by: "Chuy" }));
  assert.deepEqual(accepted.acceptance, { state: "accepted" });
  assert.equal(isWaiting(accepted), false);
  assert.equal(accepted.version, 2);
  assert.equal(applyToOrder(accepted, event("order.accepted", { version: 2, by: "Chuy" })), accepted);
});

test("an order that expired is cancelled, says why, and waits no more", () => {
  const expired = applyToOrder(large(), event("order.expired", { version: 2, why: "not_accepted" }));
  const cancelled = applyToOrder(expired, event("order.cancelled", { version: 3, status: "cancelled", by: "comanda", eta: null, reason: "expired" }));
  assert.equal(cancelled.expired, "not_accepted");
  assert.equal(cancelled.status, "cancelled");
  assert.equal(isWaiting(cancelled), false);
});

test("the history tells of the acceptance, and of the expiry only as a cancellation", () => {
  const state = [
    event("order.accepted", { version: 2, by: "Chuy" }),
    event("order.expired", { version: 3, why: "not_ended" }),
    event("order.cancelled", { version: 4, status: "cancelled", by: "comanda", eta: null, reason: "expired" }),
  ].reduce((now, one, n) => trackingReducer(now, { type: "event", event: { ...one, offset: n + 2 } }),
    trackingReducer(initialTracking, { type: "placed", order: large() }));
  assert.deepEqual(state.history.map(({ type }) => type), ["order.received", "order.accepted", "order.cancelled"]);
  assert.equal(state.order.expired, "not_ended");
});

const late = { minutes: 10, reason: "lluvia" };

for (const [type, status] of [["order.en_route", "en_route"], ["order.delivered", "delivered"], ["order.cancelled", "cancelled"]]) {
  test(`a delay is over at ${type}`, () => {
    const delayed = applyToOrder(order({ status: "ready" }), event("order.delayed", { ...late, version: 2 }));
    assert.deepEqual(delayOf(delayed), late);
    const after = applyToOrder(delayed, event(type, { status, version: 3, by: "x", eta: null }));
    assert.equal(after.delay, undefined);
    assert.equal(delayOf(after), null);
    assert.equal(delayOf(order({ status, delay: late })), null, "also of a document that was kept before");
  });
}

test("a delay stays through the steps of the kitchen", () => {
  const after = applyToOrder(order({ delay: late }), event("order.preparing", { status: "preparing", version: 2, by: "x", eta: null }));
  assert.deepEqual(delayOf(after), late);
});

test("a tracked order that is on its way shows no delay of its history", () => {
  const delayed = { ...event("order.delayed", { ...late, version: 2 }), offset: 3 };
  const delivery = { kind: "delivery" };
  const tracked = (changes) => trackingReducer(initialTracking, { type: "snapshot", snapshot: { order: order({ delivery, ...changes }) }, events: [delayed] });
  assert.equal(lastDelay(tracked({ status: "ready" })).minutes, 10);
  assert.equal(lastDelay(tracked({ status: "en_route" })), null);
});

test("the offer to take a step back comes and goes with the steps", () => {
  const recall = { to: "ready", until: "2026-11-20T21:10:00.000Z", roles: ["kitchen", "manager"] };
  const left = applyToOrder(order({ status: "ready" }), event("order.delivered", { status: "delivered", version: 2, by: "x", eta: null, recall }));
  assert.deepEqual(left.recall, recall);
  const back = applyToOrder(left, event("order.recalled", { status: "ready", version: 3, by: "x", reason: "y" }));
  assert.equal(back.recall, undefined);
});

test("an order that is taken back after its end is on the board again", () => {
  const empty = boardReducer(initialBoard, { type: "snapshot", snapshot: { orders: [], total: 0, unseen: 0, more: false, next: null } });
  const back = order({ status: "ready", version: 7 });
  const board = boardReducer(empty, { type: "event", event: event("order.recalled", { status: "ready", version: 7, by: "x", reason: "y", order: back }) });
  assert.deepEqual(cardsIn(board, "ready").map(({ id }) => id), ["P1"]);
});

test("the kitchen's own steps are taken back at any time, others as long as the hub offers it to one's role", () => {
  const now = Date.parse("2026-11-20T21:05:00.000Z");
  const offer = { to: "ready", until: "2026-11-20T21:06:00.000Z", roles: ["courier"] };
  assert.equal(mayRecall(order({ status: "ready" }), ["kitchen"], now), true);
  assert.equal(mayRecall(order({ status: "ready" }), ["courier"], now), false);
  assert.equal(mayRecall(order({ status: "en_route" }), ["kitchen"], now), false);
  assert.equal(mayRecall(order({ status: "en_route", recall: offer }), ["courier"], now), true);
  assert.equal(mayRecall(order({ status: "en_route", recall: offer }), ["kitchen"], now), false);
  assert.equal(mayRecall(order({ status: "en_route", recall: offer }), ["courier"], now + 120_000), false);
});
