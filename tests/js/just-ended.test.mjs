import assert from "node:assert/strict";
import { test } from "node:test";
import { justEndedReducer, LATELY_MS, nextExpiry, nothingEnded, rowsOf } from "../../static/js/state/just-ended.js";

const NOW = Date.parse("2026-11-20T21:30:00.000Z");
const ago = (minutes) => new Date(NOW - minutes * 60_000).toISOString();
const offer = (minutes, ...roles) => ({ to: "ready", until: ago(-minutes), roles });
const order = (id, changes = {}) => ({
  id, code: id, status: "ready", version: 4, items: [], customer: { name: "Ana" }, delivery: { kind: "pickup" }, placed_at: ago(50), ...changes,
});
const ended = (id, minutes, changes = {}) => order(id, { status: "delivered", version: 5, status_since: ago(minutes), ...changes });
const event = (type, id, version, at, data = {}) => ({ type, at, data: { order_id: id, version, ...data } });
const run = (...actions) => actions.reduce(justEndedReducer, nothingEnded);
const heard = (one, before) => ({ type: "event", event: one, before });
const read = (...orders) => ({ type: "read", orders });
const ids = (orders) => orders.map((one) => one.id);
const reader = (changes = {}) => ({ open: {}, roles: ["kitchen"], now: NOW, ...changes });

test("an order that ends is kept with what the hub offers, the latest first, and is gone once it is recalled", () => {
  const delivered = event("order.delivered", "P1", 5, ago(3), { status: "delivered", recall: offer(2, "kitchen") });
  const cancelled = event("order.cancelled", "P2", 5, ago(1), { status: "cancelled", reason: "no", recall: offer(4, "support") });
  const state = run(heard(delivered, order("P1")), heard(cancelled, order("P2")));
  assert.deepEqual(rowsOf(state, reader()).map((row) => [row.order.id, row.canRecall]), [["P2", false], ["P1", true]]);
  assert.equal(state[0].cancel_reason, "no");
  assert.deepEqual(ids(justEndedReducer(state, heard(event("order.recalled", "P1", 6, ago(0), { status: "ready" })))), ["P2"]);
});

test("a step that ends nothing, an order that the board does not have, and old news change nothing", () => {
  const state = run(heard(event("order.delivered", "P1", 5, ago(1), { status: "delivered" }), order("P1")));
  const nothing = [
    heard(event("order.ready", "P3", 5, ago(0), { status: "ready" }), order("P3", { status: "preparing" })),
    heard(event("order.delivered", "P4", 5, ago(0), { status: "delivered" })),
    heard(event("order.delivered", "P5", 3, ago(0), { status: "delivered" }), order("P5")),
    heard(event("order.recalled", "P6", 6, ago(0), { status: "ready" })),
    read(ended("P1", 1)),
    { type: "else" },
  ];
  for (const action of nothing) assert.equal(justEndedReducer(state, action), state, JSON.stringify(action));
});

test("what the hub says is put to what was heard: the newer version stays, open orders are none of it, and twenty are enough", () => {
  const state = run(
    heard(event("order.delivered", "P1", 9, ago(1), { status: "delivered" }), order("P1", { version: 8 })),
    read(ended("P1", 30, { version: 5 }), ended("P2", 2), order("P3")),
  );
  assert.deepEqual(state.map((one) => [one.id, one.version]), [["P1", 9], ["P2", 5]]);
  const many = justEndedReducer(state, read(...Array.from({ length: 40 }, (_, n) => ended(`Q${n}`, n + 5))));
  assert.deepEqual([many.length, ...ids(many.slice(0, 3))], [20, "P1", "P2", "Q0"]);
});

test("an answer of the hub that is older than a recall does not show the order as ended beside its card", () => {
  const state = run(read(ended("P1", 2), ended("P2", 3)));
  const open = { P1: order("P1", { version: 6 }), P2: ended("P2", 3, { status: "cancelled" }) };
  assert.deepEqual(rowsOf(state, reader({ open })).map((row) => row.order.id), ["P2"]);
});

test("what ended long ago is not shown", () => {
  const state = run(read(ended("P1", 2), ended("P2", LATELY_MS / 60_000)));
  assert.deepEqual(rowsOf(state, reader()).map((row) => row.order.id), ["P1"]);
});

test("the list has to be looked at again when the first offer to a reader ends, and never if there is none", () => {
  const state = run(read(
    ended("P1", 2, { recall: offer(3, "kitchen") }), ended("P2", 1, { recall: offer(2, "courier", "manager") }), ended("P3", 9, { recall: offer(-1, "kitchen") })));
  assert.equal(nextExpiry(rowsOf(state, reader())), Date.parse(ago(-3)));
  assert.equal(nextExpiry(rowsOf(state, reader({ roles: ["manager"] }))), Date.parse(ago(-2)));
  assert.equal(nextExpiry(rowsOf(state, reader({ now: NOW + 3 * 60_000 + 1 }))), null);
  assert.equal(nextExpiry([]), null);
});
