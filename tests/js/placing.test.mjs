import assert from "node:assert/strict";
import { test } from "node:test";
import { Placing } from "../../static/js/placing.js";
import { CommandError } from "../../static/js/wire/errors.js";

const MINUTE_MS = 60_000;
const order = { customer: { name: "Ana" }, items: [{ sku: "pastor", qty: 2 }], delivery: { kind: "pickup" } };
const other = { ...order, items: [{ sku: "agua", qty: 1 }] };
const lines = [{ id: 1, qty: 2 }];
const answer = { order: { code: "K9" } };
const lost = () => CommandError.lost();

/** A device: what it has stored, and the tabs that are told of changes in the others. */
function device(stored = null, { isFull = false } = {}) {
  const box = { stored, tabs: new Set() };
  box.shelf = () => {
    let watcher = null;
    return {
      load: () => structuredClone(box.stored),
      save: (pending) => {
        if (isFull) return false;
        const isNew = JSON.stringify(pending) !== JSON.stringify(box.stored);
        box.stored = structuredClone(pending);
        if (isNew) for (const tab of box.tabs) if (tab !== watcher) tab();
        return true;
      },
      watch: (told) => box.tabs.add((watcher = told)),
    };
  };
  return box;
}

/** A page whose hub answers as it is told: each command sent waits in `sent` to be answered. */
function page(box, { now = 0, connected = Promise.resolve() } = {}) {
  const seen = { sent: [], placed: [], refused: [] };
  const hub = {
    connected: () => connected,
    command: (name, payload) => new Promise((resolve, reject) => seen.sent.push({ name, payload, resolve, reject })),
  };
  seen.placing = new Placing({
    hub, shelf: box.shelf(), now: () => now, pause: async () => {},
    onPlaced: (...told) => seen.placed.push(told), onRefused: (error) => seen.refused.push(error.code),
  });
  seen.placing.start();
  return seen;
}

const settle = () => new Promise((resume) => setImmediate(resume));

async function answered(sent, at, give) {
  await settle();
  give(sent[at]);
  await settle();
}

test("an order is written down before it is sent, and crossed out when it is answered", async () => {
  const box = device();
  const tab = page(box);
  assert.equal(tab.placing.place(order, lines), true);
  assert.deepEqual(box.stored.order, order);
  await answered(tab.sent, 0, ({ payload, resolve }) => {
    assert.deepEqual(payload, { ...order, command_id: box.stored.command_id });
    resolve(answer);
  });
  assert.deepEqual(tab.placed.map(([told, pending]) => [told, pending.lines]), [[answer, lines]]);
  assert.equal(box.stored, null);
});

test("while its outcome is unknown the very same command is repeated, and no other order is taken", async () => {
  const tab = page(device());
  tab.placing.place(order, lines);
  await answered(tab.sent, 0, ({ reject }) => reject(lost()));
  assert.equal(tab.placing.store.state.phase, "unsure");
  assert.equal(tab.placing.place(other, lines), false);
  await answered(tab.sent, 1, ({ resolve }) => resolve(answer));
  assert.deepEqual(tab.sent[1].payload, tab.sent[0].payload);
  assert.deepEqual([tab.sent.length, tab.placed.length], [2, 1]);
});

test("a page that is opened again takes the order up and is told of it", async () => {
  const box = device();
  const before = page(box);
  before.placing.place(order, lines);
  await settle();
  box.tabs.clear(); // that page is gone, and its answer with it
  const after = page(box);
  assert.equal(after.placing.store.state.phase, "unsure");
  await answered(after.sent, 0, ({ resolve }) => resolve(answer));
  assert.deepEqual(after.sent[0].payload, before.sent[0].payload);
  assert.equal(after.placed.length, 1);
});

test("an order from long ago is sent again only by one who still wants it; one that the hub no longer knows never is", async () => {
  const pending = { command_id: "c1", order, lines, at: 0, tried: true };
  const tab = page(device(pending), { now: 16 * MINUTE_MS });
  await settle();
  assert.deepEqual([tab.placing.store.state.phase, tab.sent.length], ["asking", 0]);
  tab.placing.confirm();
  await answered(tab.sent, 0, ({ resolve }) => resolve(answer));
  assert.equal(tab.placed.length, 1);

  const unwanted = device(pending);
  page(unwanted, { now: 16 * MINUTE_MS }).placing.takeBack();
  assert.equal(unwanted.stored, null);

  const old = device(pending);
  const late = page(old, { now: 21 * 60 * MINUTE_MS });
  await settle();
  assert.deepEqual([late.placing.store.state.phase, late.sent.length, old.stored], ["none", 0, null]);
});

test("what the hub refuses is told, and the next order is another one", async () => {
  const tab = page(device());
  tab.placing.place(order, lines);
  await answered(tab.sent, 0, ({ reject }) => reject(new CommandError({ code: "out_of_stock" })));
  tab.placing.place(other, lines);
  await answered(tab.sent, 1, ({ reject }) => reject(new CommandError({ code: "rate_limited", retryable: true, retry_after_s: 9 })));
  assert.deepEqual(tab.refused, ["out_of_stock", "rate_limited"]);
  assert.notEqual(tab.sent[0].payload.command_id, tab.sent[1].payload.command_id);
});

test("to be told to wait does not settle an order whose first answer was lost", async () => {
  const tab = page(device());
  tab.placing.place(order, lines);
  await answered(tab.sent, 0, ({ reject }) => reject(lost()));
  await answered(tab.sent, 1, ({ reject }) => reject(new CommandError({ code: "rate_limited", retryable: true })));
  await answered(tab.sent, 2, ({ resolve }) => resolve(answer));
  assert.deepEqual([tab.refused, tab.placed.length], [[], 1]);
});

test("an order can be taken back as long as it has not been sent", async () => {
  const box = device();
  let connect;
  const tab = page(box, { connected: new Promise((resolve) => (connect = resolve)) });
  tab.placing.place(order, lines);
  await settle();
  assert.equal(tab.placing.store.state.phase, "waiting");
  tab.placing.takeBack();
  connect();
  await settle();
  assert.deepEqual([tab.sent.length, box.stored], [0, null]);

  const sent = page(device());
  sent.placing.place(order, lines);
  await settle();
  sent.placing.takeBack();
  assert.equal(sent.placing.store.state.phase, "sending");
});

test("two tabs send one order: what one is told, the other tells nobody again", async () => {
  const box = device();
  const [first, second] = [page(box), page(box)];
  first.placing.place(order, lines);
  assert.equal(second.placing.place(other, lines), false);
  await answered(first.sent, 0, ({ resolve }) => resolve(answer));
  await answered(second.sent, 0, ({ resolve }) => resolve(answer));
  assert.deepEqual(second.sent[0].payload, first.sent[0].payload);
  assert.deepEqual([first.placed.length, second.placed.length], [1, 0]);
  assert.equal(second.placing.store.state.phase, "none");
});

test("a device without room still sends one order at a time", async () => {
  const tab = page(device(null, { isFull: true }));
  tab.placing.place(order, lines);
  await answered(tab.sent, 0, ({ reject }) => reject(lost()));
  assert.equal(tab.placing.place(other, lines), false);
  await answered(tab.sent, 1, ({ resolve }) => resolve(answer));
  assert.equal(tab.placed.length, 1);
});
