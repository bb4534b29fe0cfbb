import assert from "node:assert/strict";
import { test } from "node:test";
import { readKeptRoom } from "../../static/js/kept-room.js";
import { boardReducer, initialBoard, isBoard } from "../../static/js/state/board.js";
import { chatReducer, initialChat, isChat } from "../../static/js/state/chat.js";
import { createStore } from "../../static/js/state/store.js";
import { initialTracking, isTracking, trackingReducer } from "../../static/js/state/tracking.js";

const order = {
  id: "P1", code: "C-001", status: "preparing", version: 2, items: [], customer: { name: "Ana" }, delivery: { kind: "pickup" },
  placed_at: "2026-11-20T21:00:00.000Z", updated_at: "2026-11-20T21:00:00.000Z",
};
const step = (type, offset, version) => ({ type: `order.${type}`, offset, at: "2026-11-20T21:05:00.000Z", data: { order_id: "P1", version } });

/** A room read into a store over a keepsake that holds this; the hub is told by hand. */
function reading(kept) {
  const box = { kept, forgotten: 0 };
  const keepsake = {
    restore: () => kept,
    keep: (cursor, state) => (box.kept = { cursor, state }),
    write: () => {},
    forget: () => ((box.kept = null), box.forgotten++),
  };
  const store = createStore(trackingReducer, initialTracking);
  const hub = { room: (name, reader) => ((box.reader = reader), () => {}) };
  readKeptRoom(hub, "order:P1", store, {
    keepsake,
    isWorthKeeping: ({ order }) => order?.status !== "delivered",
    onSnapshot: (snapshot, events) => store.dispatch({ type: "snapshot", snapshot, events }),
    onEvent: (event) => store.dispatch({ type: "event", event }),
    onError: (error) => store.dispatch({ type: "failed", code: error.code }),
  });
  return { box, store };
}

const state = { phase: "live", order, history: [step("preparing", 5, 2)], error: null };

test("what was kept is shown before the hub has said a word, and the room is asked for what follows", () => {
  const { box, store } = reading({ cursor: "e1-5", state });
  assert.equal(store.state.order.status, "preparing");
  assert.equal(box.reader.after, "e1-5");
});

test("each step is kept with the cursor it leads to; an order that has ended is not kept", () => {
  const { box } = reading({ cursor: "e1-5", state });
  box.reader.onEvent(step("ready", 7, 3));
  box.reader.onPlace("e1-7");
  assert.deepEqual([box.kept.cursor, box.kept.state.order.status], ["e1-7", "ready"]);
  box.reader.onEvent(step("delivered", 9, 4));
  box.reader.onPlace("e1-9");
  assert.equal(box.kept, null);
});

test("a step that is told twice stands in the history once", () => {
  const { box, store } = reading({ cursor: "e1-4", state });
  box.reader.onEvent(step("preparing", 5, 2));
  assert.deepEqual(store.state.history.map((event) => event.offset), [5]);
});

test("a room that is gone takes with it what the tab alone knew; one that was read since stays on the page", () => {
  const gone = reading({ cursor: "e1-5", state });
  gone.box.reader.onError({ code: "not_found" });
  assert.equal(gone.store.state.phase, "missing");
  assert.equal(gone.box.kept, null);
  const read = reading({ cursor: "e1-5", state });
  read.box.reader.onPlace("e1-5");
  read.box.reader.onError({ code: "not_found" });
  assert.equal(read.store.state.phase, "live");
  assert.equal(read.box.kept, null);
});

test("only a state that can be drawn is taken for one", () => {
  const board = boardReducer(initialBoard, { type: "snapshot", snapshot: { orders: [order], total: 1 } });
  const chat = chatReducer(initialChat, { type: "snapshot", snapshot: { messages: [], turn: null } });
  assert.deepEqual([isTracking(state), isBoard(board), isChat(chat)], [true, true, true]);
  for (const wrong of [null, 7, {}, { ...state, order: null }, { ...state, history: {} }]) assert.equal(isTracking(wrong), false);
  for (const wrong of [null, {}, { ...board, more: "1" }, { ...board, orders: { P1: { id: "P1" } } }]) assert.equal(isBoard(wrong), false);
  for (const wrong of [null, {}, { ...chat, turn: {} }, { ...chat, messages: null }]) assert.equal(isChat(wrong), false);
});

test("a kept state that can't be drawn is thrown away, and the room is read anew", (context) => {
  context.mock.method(console, "error", () => {});
  const box = { forgotten: 0 };
  const keepsake = { name: "order:P1", restore: () => ({ cursor: "e1-5", state }), keep() {}, write() {}, forget: () => box.forgotten++ };
  const store = createStore(trackingReducer, initialTracking);
  store.watch(({ order }) => {
    if (order) throw new Error("a shape that nobody foresaw");
  });
  const hub = { room: (name, reader) => ((box.reader = reader), () => {}) };
  readKeptRoom(hub, "order:P1", store, { keepsake, onSnapshot() {}, onEvent() {}, onError() {} });
  assert.equal(box.reader.after, undefined);
  assert.equal(store.state, initialTracking);
  assert.ok(box.forgotten > 0);
});
