import assert from "node:assert/strict";
import { test } from "node:test";
import { readPages } from "../../static/js/board-pages.js";
import {
  boardReducer, cardsIn, initialBoard, isBoard, listed, needsReread, unseenCount, unseenOrders, wantsPage,
} from "../../static/js/state/board.js";
import { createStore } from "../../static/js/state/store.js";
import { fromBothEnds, oncePerFrame, oncePerTask, workAWhile } from "../../static/js/ui/frame.js";

const at = (n) => `2026-11-20T21:00:${String(n).padStart(2, "0")}.000Z`;
const order = (n, changes = {}) => ({
  id: `P${n}`, code: `C${n}`, status: "received", version: 1, acknowledged: false, items: [], customer: { name: "Ana" },
  delivery: { kind: "pickup" }, eta: null, placed_at: at(n), status_since: at(n), ...changes,
});
const event = (offset, type, id, version, data = {}) => ({ type, offset, at: at(50), data: { order_id: id, version, ...data } });
const received = (offset, one) => ({ type: "order.received", offset, at: one.placed_at, data: { order: one } });
const run = (state, ...actions) => actions.reduce(boardReducer, state);
const happened = (...events) => events.map((one) => ({ type: "event", event: one }));
const snapshot = (orders, rest = {}) => ({ type: "snapshot", snapshot: { orders, total: orders.length, unseen: 0, more: false, next: null, ...rest } });
const page = (orders, rest = {}) => ({ type: "page", from: "9", page: { orders, total: 0, unseen: 0, next: null, cursor: "e-100", ...rest } });
const ids = (state) => Object.keys(state.orders).sort();
const orders = (from, to) => Array.from({ length: to - from }, (_, n) => order(from + n));

test("the alarm counts the unseen orders that are not here yet, and learns that one of them was seen", () => {
  let board = run(initialBoard, snapshot([order(1), order(2, { acknowledged: true })], { total: 40, unseen: 30, next: "9" }));
  assert.equal(unseenCount(board), 30);
  assert.deepEqual(unseenOrders(board).map((one) => one.id), ["P1"]);
  board = run(board, ...happened(event(101, "order.acknowledged", "P33", 2), event(102, "order.acknowledged", "P1", 2)));
  assert.equal(unseenCount(board), 28);
  assert.equal(listed(["C1"], 30), "C1 +29");
});

test("orders that nobody has seen stand before those that wait longer, and take their place once they are seen", () => {
  let board = run(initialBoard, snapshot([order(1, { acknowledged: true }), order(2), order(3, { acknowledged: true }), order(4)]));
  const shown = () => cardsIn(board, "received").map((one) => one.id);
  assert.deepEqual(shown(), ["P2", "P4", "P1", "P3"]);
  board = run(board, ...happened(event(101, "order.acknowledged", "P2", 2)));
  assert.deepEqual(shown(), ["P4", "P1", "P2", "P3"]);
});

test("a page brings the orders that were missing, and the last one leaves nothing to count", () => {
  let board = run(initialBoard, snapshot(orders(1, 3), { total: 6, unseen: 6, next: "9" }));
  assert.deepEqual([board.more, wantsPage(board)], [4, true]);
  board = run(board, { type: "asking" });
  assert.equal(wantsPage(board), false);
  board = run(board, page(orders(3, 5), { total: 6, unseen: 6, next: "11" }));
  assert.deepEqual([ids(board).length, board.more, unseenCount(board), board.next], [4, 2, 6, "11"]);
  board = run(board, { type: "asking" }, { ...page(orders(5, 7), { total: 6, unseen: 6 }), from: "11" });
  assert.deepEqual([ids(board).length, board.more, unseenCount(board), wantsPage(board)], [6, 0, 6, false]);
});

test("what happens to an order while its page is under way is not lost", () => {
  const board = run(
    initialBoard,
    snapshot([order(1)], { total: 5, unseen: 5, next: "9" }),
    { type: "asking" },
    ...happened(
      event(101, "order.preparing", "P2", 2, { status: "preparing" }),
      event(102, "order.delivered", "P3", 2, { status: "delivered" }),
      event(103, "order.cancelled", "P4", 2, { status: "cancelled", reason: "no" }),
    ),
    page([order(2), order(3), order(4), order(5)], { total: 5, unseen: 5 }),
  );
  assert.deepEqual(ids(board), ["P1", "P2", "P4", "P5"]);
  assert.deepEqual(cardsIn(board, "preparing").map((one) => one.id), ["P2"]);
  assert.equal(board.orders.P4.status, "cancelled");
});

test("an order that ends here while an older page still has it does not come back", () => {
  const board = run(
    initialBoard,
    snapshot([order(1), order(2)], { total: 3, next: "9" }),
    { type: "asking" },
    ...happened(event(101, "order.delivered", "P2", 2, { status: "delivered" })),
    page([order(2), order(3)], { total: 3 }),
  );
  assert.deepEqual(ids(board), ["P1", "P3"]);
});

test("of two versions of an order the higher one stays, whichever came first", () => {
  const newer = order(2, { version: 5, status: "ready" });
  const start = run(initialBoard, snapshot([order(1, { version: 3, status: "preparing" }), order(2)], { total: 3, next: "9" }), { type: "asking" });
  const board = run(start, page([order(1), newer, order(3)], { total: 3 }));
  assert.deepEqual([board.orders.P1.status, board.orders.P2.status], ["preparing", "ready"]);
  assert.equal(board.orders.P1, start.orders.P1);
});

test("the count of what is missing is that of the page, with what has come and gone since it was read", () => {
  const board = run(
    initialBoard,
    snapshot([order(1)], { total: 20, next: "9" }),
    { type: "asking" },
    ...happened(
      event(99, "order.delivered", "P18", 2), // before the page was read: its total knows
      event(101, "order.delivered", "P19", 2),
      received(102, order(30)),
      received(103, order(31)),
    ),
    page([order(2)], { total: 19, next: "10" }),
  );
  assert.equal(board.more, 19 - 1 + 2 - 4); // four are here
});

test("a page of a board that has begun anew meanwhile is thrown away, and so is one that too much has happened to", () => {
  const start = run(initialBoard, snapshot([order(1)], { total: 2, next: "9" }), { type: "asking" });
  const anew = run(start, snapshot([order(1)], { total: 2, next: "10" }), page([order(2)], { total: 2 }));
  assert.deepEqual([ids(anew), anew.next], [["P1"], "10"]);
  const busy = run(start, ...happened(...Array.from({ length: 1000 }, (_, n) => event(101 + n, "order.ready", `X${n}`, 2))));
  const later = run(busy, page([order(2)], { total: 2 }));
  assert.deepEqual([ids(later), later.next, wantsPage(later)], [["P1"], "9", true]);
  assert.equal(wantsPage(run(start, { type: "page", from: "9", page: null })), true);
});

test("a board that holds as much as it can leaves the rest at the hub until some have ended", () => {
  let board = run(initialBoard, snapshot(orders(0, 3000), { total: 4000, next: "9" }));
  assert.equal(wantsPage(board), false);
  board = run(board, ...happened(event(101, "order.delivered", "P7", 2, { status: "delivered" })));
  assert.equal(wantsPage(board), true);
  assert.equal(needsReread({ ...board, ended: 60 }), false);
});

test("a board of before a reload goes on with its pages; one of another shape is not shown", () => {
  const state = run(initialBoard, snapshot([order(1)], { total: 4, next: "9" }), { type: "asking" });
  const board = run(initialBoard, { type: "restored", state: JSON.parse(JSON.stringify(state)) });
  assert.deepEqual([isBoard(board), wantsPage(board)], [true, true]);
  assert.equal(isBoard({ ...board, next: 9 }), false);
  assert.equal(isBoard({ ...board, unseenMore: undefined }), false);
});

test("a snapshot that says nothing new of an order leaves its card alone", () => {
  const start = run(initialBoard, snapshot([order(1), order(2)]), ...happened(event(101, "order.delayed", "P1", 2, { minutes: 5, reason: "x" })));
  const again = run(start, snapshot([order(1, { version: 2 }), order(2, { eta: { earliest: "a", latest: "b" } })]));
  assert.equal(again.orders.P1, start.orders.P1);
  assert.notEqual(again.orders.P2, start.orders.P2);
});

test("a hub that pages nothing is read as before", () => {
  const board = run(initialBoard, { type: "snapshot", snapshot: { orders: [order(1)], total: 9 } });
  assert.deepEqual([board.more, wantsPage(board), unseenCount(board)], [8, false, 1]);
  assert.equal(needsReread({ ...board, ended: 50 }), true);
});

// Reading the pages

function pages(answers) {
  const asked = [];
  const waits = [];
  const denied = [];
  const store = createStore(boardReducer, initialBoard);
  const get = async (path) => {
    asked.push(path.split("after=")[1]);
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  readPages(store, { get, onDenied: (error) => denied.push(error.code), later: (go, ms) => waits.push([go, ms]) });
  const settle = () => new Promise((resume) => setImmediate(resume));
  const pass = async () => {
    waits.shift()[0]();
    await settle();
  };
  return { asked, denied, pass, settle, store, waits };
}
const failed = (code, extra = {}) => Object.assign(new Error(code), { code, ...extra });

test("the pages are asked for one after the other, each from where the one before ended", async () => {
  const told = pages([page(orders(2, 4), { total: 6, next: "12" }).page, page(orders(4, 7), { total: 6 }).page]);
  told.store.dispatch(snapshot([order(1)], { total: 6, next: "9" }));
  await told.settle();
  assert.deepEqual([told.asked, told.waits.length], [["9"], 1]);
  await told.pass();
  await told.pass();
  assert.deepEqual([told.asked, ids(told.store.state).length, told.waits.length], [["9", "12"], 6, 0]);
});

test("a page that did not come is asked for again, later and later; one that is refused is not", async () => {
  const lost = failed("unavailable", { retryable: true });
  const told = pages([lost, failed("rate_limited", { retryable: true, retry_after_s: 7 }), failed("unauthorized")]);
  told.store.dispatch(snapshot([order(1)], { total: 6, next: "9" }));
  await told.settle();
  assert.ok(told.waits[0][1] > 300);
  await told.pass();
  assert.equal(told.waits[0][1], 7000);
  await told.pass();
  assert.deepEqual([told.asked, told.denied, told.waits.length], [["9", "9", "9"], ["unauthorized"], 0]);
});

// Drawing

test("however often a drawing is asked for, it comes once a frame", () => {
  const frames = [];
  let drawn = 0;
  const draw = oncePerFrame(() => drawn++, (go) => frames.push(go));
  for (let n = 0; n < 300; n++) draw();
  assert.deepEqual([drawn, frames.length], [0, 1]);
  frames.shift()();
  draw();
  assert.deepEqual([drawn, frames.length], [1, 1]);
});

test("what is told of without frames is told of once a task", async () => {
  let told = 0;
  const tell = oncePerTask(() => told++);
  for (let n = 0; n < 300; n++) tell();
  assert.equal(told, 0);
  await null;
  assert.equal(told, 1);
});

test("what waits longest and what is newest are built first, and no longer than a frame allows", () => {
  assert.deepEqual([...fromBothEnds([1, 2, 3, 4, 5])], [1, 5, 2, 4, 3]);
  assert.deepEqual([...fromBothEnds([])], []);
  let clock = 0;
  const built = [];
  const steps = [1, 2, 3, 4, 5].map((n) => () => built.push((clock += 3, n)));
  assert.equal(workAWhile(steps, 8, () => clock), false);
  assert.deepEqual(built, [1, 2, 3]);
  assert.equal(workAWhile(steps.slice(3), 8, () => clock), true);
});
