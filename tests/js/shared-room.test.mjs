import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { tellEach } from "../../static/js/tell-each.js";
import { Hub } from "../../static/js/wire/hub.js";

const event = (offset, prev) => ({ offset, prev, room: "floor", type: "floor.tick", at: "", data: {} });
const answer = (cursor, snapshot = {}) => ({ ok: true, data: { room: "floor", cursor, recovered: false, snapshot, events: [] } });
let socket, hub, reported;

/** A connected socket that keeps what is sent over it, and what is to be called at the answer. */
function fakeSocket() {
  const listeners = {};
  return {
    connected: true,
    sent: [],
    io: { on() {} },
    on: (name, listener) => (listeners[name] = listener),
    onAny: (listener) => (listeners.any = listener),
    timeout: () => ({ emit: (name, payload, answered) => socket.sent.push({ name, payload, answer: (data) => answered(null, data) }) }),
    emit: (name, payload) => socket.sent.push({ name, payload }),
    arrive: (one) => listeners.any(one.type, one, `e1-${one.offset}`),
  };
}

function reader(extra = {}) {
  const told = { snapshots: [], events: [], errors: [] };
  return {
    told,
    onSnapshot: (snapshot) => told.snapshots.push(snapshot),
    onEvent: ({ offset }) => told.events.push(offset),
    onError: ({ code }) => told.errors.push(code),
    ...extra,
  };
}

const names = () => socket.sent.map(({ name }) => name);

beforeEach(() => {
  globalThis.document = { addEventListener() {}, visibilityState: "hidden" };
  globalThis.addEventListener = () => {};
  globalThis.setInterval = () => {};
  reported = [];
  globalThis.reportError = (error) => reported.push(error.message);
  socket = fakeSocket();
  hub = new Hub({ io: () => socket });
});

test("two readers of one room both get its state and every event", () => {
  const [one, other] = [reader(), reader()];
  hub.room("floor", one);
  socket.sent[0].answer(answer("e1-10", { n: 1 }));
  hub.room("floor", other);
  socket.sent[1].answer(answer("e1-12", { n: 2 }));
  socket.arrive(event(13, 11));
  assert.deepEqual(one.told.snapshots, [{ n: 1 }, { n: 2 }]);
  assert.deepEqual(other.told.snapshots, [{ n: 2 }]);
  assert.deepEqual([one.told.events, other.told.events], [[13], [13]]);
  assert.deepEqual(socket.sent[1].payload, { room: "floor" }, "the second one needs the state, not what came after the first");
});

test("one reader leaves, and the other reads on; with the last one the room is left, once", () => {
  const [one, other] = [reader(), reader()];
  const leaveOne = hub.room("floor", one);
  const leaveOther = hub.room("floor", other);
  socket.sent[1].answer(answer("e1-10"));
  leaveOther();
  leaveOther();
  socket.arrive(event(11, 10));
  assert.deepEqual([one.told.events, other.told.events], [[11], []]);
  assert.ok(!names().includes("room.leave"));
  leaveOne();
  leaveOne();
  assert.equal(names().filter((name) => name === "room.leave").length, 1);
});

test("a reader that fails is reported, and the others are told all the same", () => {
  const failing = reader({ onEvent: () => { throw new Error("broken view"); } });
  const sound = reader();
  hub.room("floor", failing);
  hub.room("floor", sound);
  socket.sent[1].answer(answer("e1-10"));
  socket.arrive(event(11, 10));
  socket.arrive(event(12, 11));
  assert.deepEqual(sound.told.events, [11, 12]);
  assert.deepEqual(reported, ["broken view", "broken view"]);
});

test("a token that is refused is its reader's affair: the others read on with theirs", () => {
  const [follower, stranger] = [reader({ token: "good" }), reader({ token: "bad" })];
  hub.room("order:X", follower);
  hub.room("order:X", stranger);
  assert.equal(socket.sent[1].payload.token, "bad");
  socket.sent[1].answer({ ok: false, error: { code: "not_found" } });
  assert.deepEqual([follower.told.errors, stranger.told.errors], [[], ["not_found"]]);
  assert.equal(socket.sent[2].payload.token, "good");
  socket.sent[2].answer(answer("e1-10", { n: 1 }));
  assert.deepEqual([follower.told.snapshots, stranger.told.snapshots], [[{ n: 1 }], []]);
});

test("a watcher of the line that fails keeps nothing from the others", () => {
  const seen = [];
  hub.watch((state) => { if (state !== "connecting") throw new Error("broken band"); });
  hub.watch((state) => seen.push(state));
  hub.room("floor", reader({ after: "e1-3" }));
  assert.deepEqual(seen, ["connecting", "catching_up"]);
  assert.deepEqual(reported, ["broken band"]);
});

test("whoever is added while others are told waits for the next time", () => {
  const told = [];
  const listeners = new Set([() => { listeners.add(() => told.push("late")); told.push("first"); }]);
  tellEach(listeners);
  assert.deepEqual(told, ["first"]);
});
