import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Comanda } from "../../static/js/client/comanda.js";
import { kindOf, stateOf } from "../../static/js/client/room-states.js";

const order = (id, extra = {}) => ({ id, status: "received", acknowledged: false, version: 1, items: [], ...extra });
const play = (name, ...actions) => {
  const { reduce, initial } = stateOf(name);
  return actions.reduce(reduce, initial);
};
const snapshot = (state) => ({ type: "snapshot", snapshot: state });
const event = (type, data) => ({ type: "event", event: { type, at: "2026-12-01T00:00:00.000Z", data } });

test("a board follows its orders, and lets those go that have ended", () => {
  const board = { orders: [order("A"), order("B", { acknowledged: true })], total: 2, unseen: 1, more: false };
  const state = play(
    "kitchen",
    snapshot(board),
    event("order.received", { order: order("C") }),
    event("order.acknowledged", { order_id: "A", version: 2 }),
    event("order.cancelled", { order_id: "B", version: 2, status: "cancelled" }),
    event("order.ready", { order_id: "unknown", version: 2, status: "ready" }),
  );
  assert.deepEqual(state.orders.map(({ id }) => id), ["A", "C"]);
  assert.deepEqual([state.phase, state.total, state.unseen], ["live", 2, 1]);
});

test("stock, promotions and figures follow", () => {
  const items = [{ sku: "agua", name: "Agua", left: 5 }];
  const level = (left) => event("stock.low", { sku: "agua", name: "Agua", left });
  assert.equal(play("stock", snapshot({ items }), level(1)).items[0].left, 1);
  const promo = { promo_id: "P2", title: "2×1" };
  assert.deepEqual(play("promos", snapshot({ promos: [] }), event("promo.published", promo)).promos, [promo]);
  assert.deepEqual(play("floor", snapshot({ figures: { a: 1 } }), event("floor.tick", { figures: { a: 2 } })).figures, { a: 2 });
});

test("an event that concerns nothing here is no change", () => {
  const { reduce } = stateOf("stock");
  const state = play("stock", snapshot({ items: [] }));
  assert.equal(reduce(state, event("notice.sent", {})), state);
});

test("a refused room says why, and shows nothing of before", () => {
  const state = play("stock", snapshot({ items: [{ sku: "agua" }] }), { type: "failed", code: "forbidden" });
  assert.deepEqual([state.phase, state.error, state.items], ["failed", "forbidden", []]);
  assert.equal(play("order:A", { type: "failed", code: "not_found" }).phase, "missing");
});

test("a room that this version does not know has its snapshot", () => {
  assert.equal(kindOf("pickup"), "pickup");
  assert.deepEqual(play("pickup", snapshot({ a: 1 })).snapshot, { a: 1 });
});

let socket, opened;

/** A socket that keeps what is sent over it, and what is to be called at the answer. */
function fakeSocket() {
  const listeners = {};
  const sent = [];
  const emit = (name, payload, answered) => sent.push({ name, payload, answer: (answer) => answered(null, answer) });
  return {
    connected: true,
    sent,
    io: { on() {}, disconnect() {} },
    on: (name, listener) => (listeners[name] = listener),
    onAny: (listener) => (listeners.any = listener),
    timeout: () => ({ emit }),
    emit,
    disconnect() {
      this.connected = false;
      listeners.disconnect();
    },
    say: (name, ...words) => listeners[name](...words),
  };
}

const io = (...given) => {
  opened = given;
  return (socket = fakeSocket());
};
const names = () => socket.sent.map(({ name, payload }) => `${name} ${payload.room ?? ""}`.trim());
const turn = () => new Promise((resume) => setTimeout(resume));
let comanda;

beforeEach(() => {
  comanda = new Comanda(io, "https://example.org/tacos/", { token: async () => "secret" });
});

test("a hub may lie below a path of its host, and its token may come later", async () => {
  assert.deepEqual([opened[0], opened[1].path], ["https://example.org", "/tacos/socket.io/"]);
  assert.deepEqual(await new Promise((give) => opened[1].auth(give)), { token: "secret" });
});

test("those who ask for one room share it, and it is left with the last of them", () => {
  const changes = [];
  const [one, other] = [comanda.room("stock"), comanda.room("stock")];
  other.subscribe(() => changes.push("other"));
  socket.sent[0].answer({ ok: true, data: { room: "stock", cursor: "e-1", recovered: false, snapshot: { items: [] }, events: [] } });
  assert.equal(one.getSnapshot(), other.getSnapshot());
  one.close();
  one.close();
  assert.deepEqual(names(), ["room.join stock"]);
  other.close();
  assert.deepEqual(names(), ["room.join stock", "room.leave stock"]);
  assert.deepEqual(changes, ["other"]);
});

test("a command has an id, and one that takes none is sent again without", async () => {
  const asked = comanda.command("chat.take_over", { chat_id: "C" });
  await turn();
  const [{ payload, answer }] = socket.sent;
  assert.match(payload.command_id, /^[0-9a-f]{32}$/);
  answer({ ok: false, error: { code: "bad_request", values: { field: "command_id" } } });
  await turn();
  assert.deepEqual(socket.sent[1].payload, { chat_id: "C" });
  socket.sent[1].answer({ ok: true, data: { cursor: "e-1" } });
  assert.deepEqual(await asked, { cursor: "e-1" });
});

test("a command that is aborted rejects at once", async () => {
  const stop = new AbortController();
  const asked = comanda.command("hub.ping", {}, { signal: stop.signal });
  stop.abort();
  await assert.rejects(asked, { name: "AbortError" });
});

test("a client that is closed says so, and stays closed", async () => {
  const said = [];
  comanda.onStatus((status) => said.push(status));
  socket.say("connect");
  comanda.close();
  comanda.close();
  await assert.rejects(comanda.command("hub.ping"), { code: "closed" });
  assert.deepEqual(said, ["online", "offline"]);
});

test("a message that is refused stays in the outbox under its id", async () => {
  const chat = comanda.chat();
  const sending = chat.send("hola", "id-1");
  await turn();
  socket.sent[0].answer({ ok: true, data: { chat_id: "C", token: "C.t" } });
  await turn();
  const sent = socket.sent.find(({ name }) => name === "chat.send");
  assert.deepEqual(sent.payload, { chat_id: "C", token: "C.t", text: "hola", command_id: "id-1" });
  sent.answer({ ok: false, error: { code: "limit_reached" } });
  await assert.rejects(sending, { code: "limit_reached" });
  assert.deepEqual(chat.getSnapshot().outbox.map(({ command_id, failed }) => [command_id, failed]), [["id-1", "limit_reached"]]);
  assert.deepEqual(chat.ref, { chat_id: "C", token: "C.t" });
});
