import assert from "node:assert/strict";
import { test } from "node:test";
import { choiceOf, dateOf, dayReducer, hasFigures, noDay } from "../../static/js/state/day.js";

const today = { day: "2026-11-21", previous: "2026-11-20", orders: 3, cancelled: 0 };
const figures = { day: "2026-11-20", orders: 2, cancelled: 1 };
const page = (next, ...ids) => ({ orders: ids.map((id) => ({ id })), next });
const run = (...actions) => actions.reduce(dayReducer, noDay);
const wish = (wanted) => ({ type: "wish", wish: wanted });
const read = (wanted, changes = {}) => ({ type: "read", wish: wanted, today, figures, page: page(7, "P1"), ...changes });

test("a day is read with its figures and its orders, and goes on where its page ended", () => {
  const state = run(wish("yesterday"), read("yesterday"), { type: "more", wish: "yesterday", from: 7, page: page(null, "P2") });
  assert.deepEqual([state.phase, state.figures, state.orders.map((one) => one.id), state.next], ["ready", figures, ["P1", "P2"], null]);
  assert.equal(dayReducer(state, { type: "more", wish: "yesterday", from: 7, page: page(null, "P2") }), state); // it came twice
});

test("the answer to what is not wanted any more changes nothing", () => {
  const state = run(wish("yesterday"), wish("2026-11-02"));
  assert.equal(dayReducer(state, read("yesterday")), state);
  assert.equal(dayReducer(state, { type: "failed", wish: "yesterday", error: { code: "lost" } }), state);
  assert.deepEqual([state.phase, state.wish, state.orders], ["loading", "2026-11-02", []]);
  assert.equal(dayReducer(run(wish("today"), read("today")), wish(null)).phase, "none");
});

test("an error is kept until the day is read; what is shown already stays", () => {
  const error = { code: "unavailable" };
  assert.deepEqual(run(wish("today"), { type: "failed", wish: "today", error }).phase, "failed");
  const later = run(wish("today"), read("today"), { type: "failed", wish: "today", error });
  assert.deepEqual([later.phase, later.error, later.orders.length], ["ready", error, 1]);
  assert.equal(dayReducer(later, read("today")).error, null);
});

test("a wish is a date of the hub's days, and a date that is today's or yesterday's is shown as that", () => {
  assert.deepEqual(["today", "yesterday", "2026-11-02"].map((one) => dateOf(one, today)), ["2026-11-21", "2026-11-20", "2026-11-02"]);
  const choices = ["today", "yesterday", "2026-11-20", "2026-11-02", null].map((one) => choiceOf({ wish: one, today }));
  assert.deepEqual(choices, ["today", "yesterday", "yesterday", null, null]);
  assert.deepEqual(["today", "2026-11-20"].map((one) => choiceOf({ wish: one, today: null })), ["today", null]);
});

test("figures of nothing stand for a day without orders, and not for one whose figures are gone", () => {
  const none = { orders: 0, cancelled: 0 };
  assert.equal(hasFigures({ figures: none, orders: [] }), true);
  assert.equal(hasFigures({ figures: none, orders: [{ id: "P1" }] }), false);
  assert.equal(hasFigures({ figures, orders: [{ id: "P1" }] }), true);
  assert.equal(hasFigures({ figures: null, orders: [] }), false);
});
