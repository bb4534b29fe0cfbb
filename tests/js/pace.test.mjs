import assert from "node:assert/strict";
import { test } from "node:test";
import { paceOf, stopwatch } from "../../static/js/state/pace.js";

const NOON = Date.parse("2026-11-20T12:00:00.000Z");
const at = (minutes) => new Date(NOON + minutes * 60_000).toISOString();
const order = (status, kind, rest = {}) => ({
  status, delivery: { kind }, placed_at: at(-6), status_since: at(-6), eta: { earliest: at(0), latest: at(12) }, ...rest,
});

test("an order is fresh while there is time for what is left to do, then near its promise, then late", () => {
  const one = order("preparing", "pickup");
  assert.deepEqual(paceOf(one, NOON), { pace: "fresh", minutes: 12, isPromise: true });
  assert.deepEqual(paceOf(one, NOON + 8.5 * 60_000), { pace: "near", minutes: 4, isPromise: true });
  assert.deepEqual(paceOf(one, NOON + 15.5 * 60_000), { pace: "late", minutes: 3, isPromise: true });
});

test("what has a long way ahead of it is near its promise earlier", () => {
  assert.equal(paceOf(order("received", "pickup"), NOON).pace, "fresh");
  assert.equal(paceOf(order("received", "delivery"), NOON).pace, "near");
  assert.equal(paceOf(order("en_route", "delivery"), NOON).pace, "fresh");
});

test("an order that waits to be fetched has kept its promise: its own wait counts", () => {
  const one = order("ready", "pickup", { eta: { earliest: at(-6), latest: at(-6) } });
  assert.deepEqual(paceOf(one, NOON), { pace: "near", minutes: 6, isPromise: false });
  assert.equal(paceOf(one, NOON - 2 * 60_000).pace, "fresh");
});

test("without a promise the time in the step counts", () => {
  assert.deepEqual(paceOf(order("received", "pickup", { eta: null }), NOON), { pace: "late", minutes: 6, isPromise: false });
  assert.deepEqual(paceOf(order("boxed", "pickup", { eta: null }), NOON).pace, "fresh");
});

test("a stopwatch shows hours when there are any", () => {
  assert.deepEqual([stopwatch(75_400), stopwatch(3_661_000), stopwatch(-5)], ["1:15", "1:01:01", "0:00"]);
});
