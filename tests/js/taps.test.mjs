import assert from "node:assert/strict";
import { test } from "node:test";
import { canTap, isTaps, MOST_WAITING, noTaps, tapsReducer } from "../../static/js/state/taps.js";
import { Taps } from "../../static/js/taps.js";

const order = { id: "PED1", code: "7K3Q" };
const later = () => new Promise((resume) => setImmediate(resume));

function shelf(state = null) {
  const box = { text: JSON.stringify(state) };
  return { box, load: () => JSON.parse(box.text), save: (next) => (box.text = JSON.stringify(next)) };
}

/** A hub that answers when it is told to, and is there when it is. */
function line(connected = () => Promise.resolve()) {
  const asked = [];
  const command = (name, payload) => new Promise((resolve, reject) => asked.push({ name, payload, resolve, reject }));
  return { asked, command, connected };
}

function refusal(code, retryable = false) {
  return Object.assign(new Error(code), { code, retryable });
}

function desk(kept = shelf(), alone = (work) => work(), hub = line()) {
  const denied = [];
  const pauses = [];
  const pause = (error, failures) => new Promise((resume) => pauses.push({ code: error.code, failures, resume }));
  const taps = new Taps({ hub, owner: "ana", onDenied: (error) => denied.push(error.code), shelf: kept, alone, pause });
  return { hub, taps, kept, denied, pauses };
}

test("taps are sent one after the other, in order, each written down before it is sent", async () => {
  const { hub, taps, kept } = desk();
  const first = taps.tap("order.acknowledge", order, {}, "Enterado");
  taps.tap("order.advance", order, { to: "preparing", version: 1 }, "Al comal");
  await later();
  assert.equal(hub.asked.length, 1);
  assert.equal(kept.load().waiting.length, 2);
  hub.asked[0].resolve({});
  assert.equal(await first, true);
  await later();
  assert.equal(hub.asked[1].name, "order.advance");
  assert.equal("version" in hub.asked[1].payload, false, "the tap before it has moved the version on");
  hub.asked[1].resolve({});
  await later();
  assert.deepEqual(kept.load(), noTaps);
});

test("without an answer a tap is sent again under the same id, after a pause that grows", async () => {
  const { hub, taps, pauses } = desk();
  taps.tap("order.acknowledge", order, {}, "Enterado");
  for (const code of ["lost", "rate_limited", "unavailable"]) {
    await later();
    hub.asked.at(-1).reject(refusal(code, true));
    await later();
    pauses.at(-1).resume();
  }
  await later();
  assert.deepEqual(pauses.map(({ code, failures }) => [code, failures]), [["lost", 0], ["rate_limited", 1], ["unavailable", 2]]);
  assert.equal(hub.asked.length, 4);
  assert.equal(new Set(hub.asked.map((one) => one.payload.command_id)).size, 1);
});

test("without a line no turn is taken from a tab that has one, and what was taken back is not sent", async () => {
  let connect;
  let turns = 0;
  const { hub, taps } = desk(shelf(), (work) => (turns++, work()), line(() => new Promise((resolve) => (connect = resolve))));
  taps.tap("order.advance", order, { to: "ready" }, "Listo", "c1");
  taps.tap("order.acknowledge", order, {}, "Enterado", "c2");
  await later();
  assert.equal(turns, 0);
  taps.undo("c1");
  connect();
  await later();
  assert.deepEqual(hub.asked.map((one) => one.payload.command_id), ["c2"]);
});

test("what has been sent can't be taken back: it may be done", async () => {
  const { hub, taps, kept } = desk();
  taps.tap("order.advance", order, { to: "ready" }, "Listo", "c1");
  await later();
  hub.asked[0].reject(refusal("lost", true));
  await later();
  taps.undo("c1");
  assert.deepEqual(kept.load().waiting.map((tap) => [tap.command_id, tap.tried]), [["c1", true]]);
});

test("who tapped here is told also when another tab has sent it", async () => {
  const kept = shelf();
  let changed;
  kept.watch = (run) => (changed = run);
  const { taps } = desk(kept, () => new Promise(() => {}));
  const done = taps.tap("order.acknowledge", order, {}, "Enterado", "c1");
  const not = taps.tap("order.advance", order, { to: "ready" }, "Listo", "c2");
  const [, second] = kept.load().waiting;
  kept.save({ waiting: [], refused: [{ ...second, error: { code: "conflict" } }] });
  changed();
  assert.equal(await done, true);
  assert.equal(await not, false);
});

test("a device that is full loses no tap: the page has it, and says that it must stay open", async () => {
  const { hub, taps } = desk({ load: () => noTaps, save: () => false });
  const done = taps.tap("order.acknowledge", order, {}, "Enterado");
  assert.equal(taps.isKept, false);
  await later();
  hub.asked[0].resolve({});
  assert.equal(await done, true);
  assert.deepEqual(taps.store.state, noTaps);
});

test("what waited when the page was closed is sent by the next one, under the same id", async () => {
  const { taps, kept, hub } = desk();
  taps.tap("order.acknowledge", order, {}, "Enterado");
  await later();
  const next = desk(kept);
  await later();
  assert.equal(next.hub.asked[0].payload.command_id, hub.asked[0].payload.command_id);
});

test("a conflict stays to be seen, and the taps behind it go on", async () => {
  const { hub, taps, kept } = desk();
  const answered = taps.tap("order.advance", order, { to: "ready" }, "Listo");
  taps.tap("order.acknowledge", { id: "PED2", code: "9XYZ" }, {}, "Enterado");
  await later();
  hub.asked[0].reject(refusal("conflict"));
  assert.equal(await answered, false);
  await later();
  assert.equal(hub.asked[1].payload.order_id, "PED2");
  const [refused] = kept.load().refused;
  assert.deepEqual([refused.code, refused.what, refused.error.code], ["7K3Q", "Listo", "conflict"]);
  taps.see(refused.command_id);
  assert.deepEqual(kept.load().refused, []);
});

test("who has to sign in again finds the taps waiting", async () => {
  const { hub, taps, kept, denied } = desk();
  taps.tap("order.acknowledge", order, {}, "Enterado");
  await later();
  hub.asked[0].reject(refusal("unauthorized"));
  await later();
  assert.deepEqual(denied, ["unauthorized"]);
  assert.equal(kept.load().waiting.length, 1);
});

test("the same tap twice is one, and a tap can be taken back", async () => {
  const { taps, kept } = desk(shelf(), () => new Promise(() => {}));
  const answered = taps.tap("order.advance", order, { to: "ready", version: 3 }, "Listo");
  assert.equal(taps.tap("order.advance", order, { to: "ready", version: 3 }, "Listo"), null);
  taps.undo(kept.load().waiting[0].command_id);
  assert.equal(await answered, false);
  assert.deepEqual(kept.load().waiting, []);
});

test("another tab's sending is seen before anything is sent here", async () => {
  const kept = shelf({ waiting: [{ command_id: "c1", name: "order.acknowledge", payload: {}, order_id: "PED1", code: "7K3Q" }], refused: [] });
  let begin;
  const { hub } = desk(kept, (work) => new Promise((resolve) => (begin = () => resolve(work()))));
  await later();
  kept.save(noTaps); // the other tab has done it
  begin();
  await later();
  assert.deepEqual(hub.asked, []);
});

test("what can't be read is thrown away, and what can't be stored is kept in memory", async () => {
  assert.equal(isTaps({ waiting: [{}], refused: [] }), false);
  assert.equal(isTaps(null), false);
  const { hub, taps } = desk({ load: () => null, save: () => {} });
  taps.tap("order.acknowledge", order, {}, "Enterado");
  await later();
  assert.equal(hub.asked.length, 1);
});

test("a bounded number waits", () => {
  const tap = (n) => ({ command_id: `c${n}`, name: "order.acknowledge", payload: { order_id: `PED${n}` }, order_id: `PED${n}` });
  let state = noTaps;
  for (let n = 0; n <= MOST_WAITING; n++) state = tapsReducer(state, { type: "tapped", tap: tap(n) });
  assert.equal(state.waiting.length, MOST_WAITING);
  assert.equal(canTap(state, tap(999)), false);
});
