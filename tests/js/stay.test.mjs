import assert from "node:assert/strict";
import { test } from "node:test";
import { staying } from "../../static/js/state/stay.js";

const stay = (...places) => [...staying(places)].sort((one, other) => one - other);

test("one card that goes to the end moves alone", () => {
  assert.deepEqual(stay(1, 2, 3, 4, 0), [0, 1, 2, 3]);
});

test("one that comes to the front moves alone, and new ones are no reason to move others", () => {
  assert.deepEqual(stay(3, 0, 1, 2), [1, 2, 3]);
  assert.deepEqual(stay(-1, 0, -1, 1), [1, 3]);
});

test("nothing moves in an order that has not changed, and all but one in a reversed one", () => {
  assert.deepEqual(stay(0, 1, 2), [0, 1, 2]);
  assert.equal(stay(3, 2, 1, 0).length, 1);
  assert.deepEqual(stay(), []);
});
