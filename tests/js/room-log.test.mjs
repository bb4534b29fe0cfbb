import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCursor } from "../../static/js/wire/cursor.js";
import { judge, readEvent, readUpTo, resumeFrom, unread } from "../../static/js/wire/room-log.js";

const joined = readUpTo(unread, "e1-40");
const event = (offset, prev) => ({ offset, prev, type: "order.ready", data: {} });

test("a cursor is an epoch, which may hold dashes, and an offset", () => {
  assert.deepEqual(parseCursor("ab-c-1042"), { epoch: "ab-c", offset: 1042 });
  for (const wrong of [undefined, null, 7, "", "1042", "-5", "ab-", "ab-x", "ab-1.5"]) assert.equal(parseCursor(wrong), null);
});

test("an event whose prev is covered is the next one, however far its offset is", () => {
  assert.equal(judge(joined, event(97, 12), "e1-97"), "next");
  assert.equal(judge(readEvent(joined, event(97, 12)), event(98, 97), "e1-98"), "next");
});

test("an event whose prev was not seen shows a gap", () => {
  assert.equal(judge(joined, event(60, 55), "e1-60"), "gap");
});

test("an offset that was read before is a repeat", () => {
  assert.equal(judge(joined, event(40, 12), "e1-40"), "repeat");
  assert.equal(judge(joined, event(3, 0), "e1-3"), "repeat");
});

test("an event of another life of the log can't continue this one", () => {
  assert.equal(judge(joined, event(41, 40), "e2-41"), "gap");
});

test("a volatile event is outside the chain", () => {
  assert.equal(judge(joined, { type: "courier.moved", data: {} }, undefined), "volatile");
});

test("a room resumes from the last offset read in it, and not at all before it was joined", () => {
  assert.equal(resumeFrom(unread), undefined);
  assert.equal(resumeFrom(readEvent(joined, event(97, 12))), "e1-97");
});

test("a cursor of the same life never takes a room back; one of another replaces it", () => {
  assert.equal(resumeFrom(readUpTo(joined, "e1-12")), "e1-40");
  assert.equal(resumeFrom(readUpTo(joined, "e2-3")), "e2-3");
});
