import assert from "node:assert/strict";
import { test } from "node:test";
import { filterOf } from "../../static/js/state/order-filter.js";

const NOW = Date.parse("2026-11-20T21:30:00.000Z");
const nothing = { status: "", minutes: "", unseen: false, waiting: false, origin: " ", phone: "" };

test("a form that names nothing means no order, and not every one", () => {
  assert.equal(filterOf(nothing, NOW), null);
});

test("each field of the form becomes a condition", () => {
  const said = { status: "received", minutes: "15", unseen: true, waiting: true, origin: " fcb010a85a55 ", phone: "55 1234 5678" };
  assert.deepEqual(filterOf(said, NOW), {
    status: "received", placed_after: "2026-11-20T21:15:00.000Z", acknowledged: false, waiting: true,
    origin: "fcb010a85a55", phone: "55 1234 5678",
  });
});

test("a condition that makes no sense is not left out: more orders would fit", () => {
  assert.equal(filterOf({ ...nothing, minutes: "-3", unseen: true }, NOW), null);
});
