import assert from "node:assert/strict";
import { test } from "node:test";
import { Membership } from "../../static/js/wire/membership.js";

const event = (offset, prev, room = "kitchen") => ({ offset, prev, room, type: "order.ready", at: "", data: { n: offset } });

function reader(extra = {}) {
  const told = { joins: [], snapshots: [], events: [], errors: [], later: [] };
  const member = new Membership({
    name: "kitchen",
    join: (payload, answered) => told.joins.push({ payload, answered }),
    later: (run) => told.later.push(run),
    onSnapshot: (snapshot, events) => told.snapshots.push({ snapshot, events }),
    onEvent: (one) => told.events.push(one.offset),
    onError: (error) => told.errors.push(error.code),
    ...extra,
  });
  return { member, told };
}

function joined(answer = { cursor: "e1-10", recovered: false, snapshot: { orders: [] }, events: [] }) {
  const { member, told } = reader();
  member.join();
  told.joins[0].answered(null, answer);
  return { member, told };
}

test("a first join asks without a cursor and shows the snapshot with its history", () => {
  const { told } = joined({ cursor: "e1-10", recovered: false, snapshot: { a: 1 }, events: [event(4, 0)] });
  assert.deepEqual(told.joins[0].payload, { room: "kitchen" });
  assert.deepEqual(told.snapshots, [{ snapshot: { a: 1 }, events: [event(4, 0)] }]);
  assert.deepEqual(told.events, []);
});

test("events in order are passed on once each", () => {
  const { member, told } = joined();
  member.receive(event(12, 10), "e1-12");
  member.receive(event(12, 10), "e1-12");
  member.receive(event(15, 12), "e1-15");
  assert.deepEqual(told.events, [12, 15]);
});

test("a gap is filled by joining again, and what came meanwhile follows in order", () => {
  const { member, told } = joined();
  member.receive(event(15, 12), "e1-15");
  member.receive(event(16, 15), "e1-16");
  assert.deepEqual(told.events, []);
  assert.deepEqual(told.joins[1].payload, { room: "kitchen", after: "e1-10" });
  told.joins[1].answered(null, { cursor: "e1-15", recovered: true, snapshot: {}, events: [event(12, 10), event(15, 12)] });
  assert.deepEqual(told.events, [12, 15, 16]);
  assert.equal(told.snapshots.length, 1);
});

test("a gap that a join does not close is passed over rather than asked for without end", () => {
  const { member, told } = joined();
  member.receive(event(15, 12), "e1-15");
  told.joins[1].answered(null, { cursor: "e1-10", recovered: true, snapshot: {}, events: [] });
  assert.deepEqual(told.events, [15]);
  assert.equal(told.joins.length, 2);
});

test("a connection that was not recovered joins again from the last event read", () => {
  const { member, told } = joined();
  member.receive(event(12, 10), "e1-12");
  member.suspend();
  member.resume(false);
  assert.equal(told.joins[1].payload.after, "e1-12");
});

test("a recovered connection needs no join, unless one was under way when it broke", () => {
  const { member, told } = joined();
  member.suspend();
  member.resume(true);
  assert.equal(told.joins.length, 1);
  const other = reader();
  other.member.join();
  other.member.suspend();
  other.member.resume(true);
  assert.equal(other.told.joins.length, 2);
});

test("a gap whose repair was cut off by a lost connection is repaired when it comes back", () => {
  const { member, told } = joined();
  member.receive(event(15, 12), "e1-15");
  member.suspend();
  told.joins[1].answered({ code: "lost", retryable: true });
  member.resume(true);
  assert.deepEqual(told.joins[2].payload, { room: "kitchen", after: "e1-10" });
  told.joins[2].answered(null, { cursor: "e1-15", recovered: true, snapshot: {}, events: [event(12, 10), event(15, 12)] });
  assert.deepEqual(told.events, [12, 15]);
});

test("a log that lost its tail gives a new snapshot", () => {
  const { member, told } = joined();
  member.suspend();
  member.resume(false);
  told.joins[1].answered(null, { cursor: "e2-3", recovered: false, snapshot: { new: true }, events: [] });
  member.receive(event(4, 3), "e2-4");
  assert.deepEqual(told.snapshots[1].snapshot, { new: true });
  assert.deepEqual(told.events, [4]);
});

test("a reset replaces the state and the place in the log", () => {
  const { member, told } = joined();
  member.receive({ room: "kitchen", type: "room.reset", at: "", data: { snapshot: { orders: [1] }, cursor: "e2-7" } });
  member.receive(event(8, 7), "e2-8");
  assert.deepEqual(told.snapshots[1], { snapshot: { orders: [1] }, events: null });
  assert.deepEqual(told.events, [8]);
});

test("a refusal is told; a join that got no answer is tried again", () => {
  const { member, told } = reader();
  member.join();
  told.joins[0].answered({ code: "lost", retryable: true });
  assert.deepEqual(told.errors, []);
  told.later[0]();
  told.joins[1].answered({ code: "not_found", retryable: false });
  assert.deepEqual(told.errors, ["not_found"]);
});

test("a reload goes on from the cursor that was kept: what was missed comes on top, in order", () => {
  const { member, told } = reader({ after: "e1-10" });
  assert.equal(member.hasPlace, true);
  member.join();
  assert.deepEqual(told.joins[0].payload, { room: "kitchen", after: "e1-10" });
  told.joins[0].answered(null, { cursor: "e1-15", recovered: true, snapshot: {}, events: [event(10, 4), event(12, 10), event(15, 12)] });
  assert.deepEqual(told.events, [12, 15]);
  assert.deepEqual(told.snapshots, []);
});

test("a cursor of a life of the log that is over gives a snapshot, whatever the answer calls itself", () => {
  const { member, told } = reader({ after: "e1-10" });
  member.join();
  told.joins[0].answered(null, { cursor: "e2-3", recovered: true, snapshot: { new: true }, events: [] });
  assert.equal(told.snapshots.length, 1);
});

test("an event that went to several rooms is the next one, though its cursor is one behind it", () => {
  const { member, told } = joined();
  member.receive(event(12, 10), "e1-11"); // an earlier copy: the member is in another of its rooms
  member.receive(event(12, 10), "e1-12"); // again, as after a cut between the copies
  member.receive(event(13, 12), "e1-13");
  assert.deepEqual(told.events, [12, 13]);
  assert.equal(told.joins.length, 1);
});

test("the place is told after what led there, and behind is until the join is answered", () => {
  const places = [];
  const paces = [];
  const { member, told } = reader({ onPlace: (cursor) => places.push(cursor), onPace: () => paces.push(member.isBehind) });
  assert.equal(member.isBehind, true);
  member.join();
  told.joins[0].answered(null, { cursor: "e1-10", recovered: false, snapshot: {}, events: [] });
  member.receive(event(12, 10), "e1-12");
  assert.deepEqual(places, ["e1-10", "e1-12"]);
  assert.deepEqual(paces, [true, false]);
});

test("the answer to a join of a connection that is gone changes nothing", () => {
  const { member, told } = reader();
  member.join();
  member.suspend();
  member.resume(false);
  told.joins[0].answered({ code: "lost", retryable: true });
  assert.equal(told.later.length, 0);
  told.joins[1].answered(null, { cursor: "e1-10", recovered: false, snapshot: {}, events: [] });
  assert.equal(member.isBehind, false);
});

test("a room that was left hears nothing more", () => {
  const { member, told } = joined();
  member.leave();
  member.receive(event(12, 10), "e1-12");
  assert.deepEqual(told.events, []);
});
