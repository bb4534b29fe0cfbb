import assert from "node:assert/strict";
import { test } from "node:test";
import { SETTLE_MS, TapGuard } from "../../static/js/state/tap-guard.js";

const tap = (at, control, rest = {}) => ({ at, x: 100, y: 100, scroll: 0, control, ...rest });
const place = (id, top) => ({ id, left: 0, top, right: 200, bottom: top + 150, scroll: 0 });

test("a second tap at the same place presses nothing else for a moment", () => {
  const guard = new TapGuard();
  assert.equal(guard.takes(tap(0, "advance P1")), true);
  assert.equal(guard.takes(tap(180, "advance P2", { x: 108 })), false);
  assert.equal(guard.takes(tap(400, "advance P3")), false);
  assert.equal(guard.takes(tap(400 + SETTLE_MS, "advance P3")), true);
});

test("a second tap on the same control, and one at another place, are taken", () => {
  const guard = new TapGuard();
  guard.takes(tap(0, "advance P1"));
  assert.equal(guard.takes(tap(150, "advance P1")), true);
  assert.equal(guard.takes(tap(300, "advance P2", { x: 400 })), true);
});

test("a tap on a card that has just slid to where another one was is meant for that one", () => {
  const guard = new TapGuard();
  guard.moving([place("P1", 0), place("P2", 160)], 1000);
  assert.equal(guard.takes(tap(1200, "advance P2", { card: "P2" })), false);
  assert.equal(guard.takes(tap(1100 + SETTLE_MS, "advance P2", { card: "P2" })), true);
});

test("a card that has stayed, one that came to an empty place, and what is no card are tapped at once", () => {
  const guard = new TapGuard();
  guard.moving([place("P1", 0)], 1000);
  guard.moving([place("P1", 0)], 1100);
  assert.equal(guard.takes(tap(1150, "advance P1", { card: "P1" })), true);
  assert.equal(guard.takes(tap(1200, "advance P9", { card: "P9", y: 300 })), true);
  assert.equal(guard.takes(tap(1250, "undo", { x: 300 })), true);
});

test("what the reader has scrolled under the finger is meant", () => {
  const guard = new TapGuard();
  guard.moving([place("P1", 0), place("P2", 160)], 1000);
  assert.equal(guard.takes(tap(1100, "advance P2", { card: "P2", scroll: 160 })), true);
});
