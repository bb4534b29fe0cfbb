import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { isKnownChat } from "../../static/js/conversation.js";
import { isFollowed } from "../../static/js/follow.js";
import { newId } from "../../static/js/ids.js";
import { keep, kept } from "../../static/js/keep.js";
import { isCart } from "../../static/js/state/cart.js";
import { isPending } from "../../static/js/state/placing.js";
import { createStore } from "../../static/js/state/store.js";
import { currentSession } from "../../static/js/wire/session.js";

const pending = {
  command_id: "c", order: { customer: { name: "Ana" }, items: [{ sku: "pastor", qty: 2 }], delivery: { kind: "pickup" } },
  lines: [{ id: 1, qty: 2 }], at: 1, tried: true,
};
const cart = { lines: [{ sku: "pastor", qty: 2, notes: "" }], customer: { name: "Ana", phone: "" }, delivery: { kind: "pickup", address: "" } };

function device(values) {
  const all = new Map(Object.entries(values).map(([key, value]) => [`comanda.${key}`, value]));
  globalThis.localStorage = {
    getItem: (key) => all.get(key) ?? null,
    setItem: (key, value) => all.set(key, value),
    removeItem: (key) => all.delete(key),
  };
}

afterEach(() => delete globalThis.localStorage);

/** Everything that is wrong with one field of it, and the whole of another kind. */
function* odd(sound) {
  yield* [null, 7, "text", [], {}, true];
  for (const field of Object.keys(sound)) {
    for (const value of [undefined, null, 7, {}, [null], [[]], [{}]]) {
      if (typeof value !== "number" || typeof sound[field] !== "number") yield { ...sound, [field]: value };
    }
  }
}

const KEPT = { cart: [cart, isCart], order: [{ token: "t", url: "/t/t", code: "A" }, isFollowed], chat: [{ chat_id: "c", token: "t" }, isKnownChat], pending: [pending, isPending] };

for (const [key, [sound, isSound]] of Object.entries(KEPT)) {
  test(`a kept ${key} comes back, and one of another shape never does`, () => {
    device({ [key]: JSON.stringify(sound) });
    assert.deepEqual(kept(key, isSound), sound);
    for (const value of odd(sound)) {
      device({ [key]: JSON.stringify(value) });
      assert.equal(kept(key, isSound), null, JSON.stringify(value));
    }
    device({ [key]: "{torn" });
    assert.equal(kept(key, isSound), null);
  });
}

test("a cart with one odd line is not shown", () => {
  for (const line of [null, {}, { sku: 7, qty: 1, notes: "" }, { sku: "a", qty: "1", notes: "" }, { sku: "a", qty: 51, notes: "" }, { sku: "a", qty: 1 }]) {
    device({ cart: JSON.stringify({ ...cart, lines: [...cart.lines, line] }) });
    assert.equal(kept("cart", isCart), null, JSON.stringify(line));
  }
});

test("a session of another shape is none", () => {
  const session = { token: "t", principal: { kind: "staff", roles: ["kitchen"] } };
  device({ session: JSON.stringify(session) });
  assert.deepEqual(currentSession(), session);
  for (const other of ["t", [], {}, { token: "t" }, { token: 7, principal: session.principal }, { token: "t", principal: { roles: "kitchen" } }]) {
    device({ session: JSON.stringify(other) });
    assert.equal(currentSession(), null, JSON.stringify(other));
  }
});

test("a device that forbids its storage keeps nothing and breaks nothing", () => {
  Object.defineProperty(globalThis, "localStorage", { configurable: true, get: () => { throw new Error("forbidden"); } });
  assert.equal(kept("cart", () => true), null);
  assert.equal(keep("cart", cart), false);
});

test("ids are long, and no two are the same", () => {
  const ids = new Set(Array.from({ length: 1000 }, newId));
  assert.equal(ids.size, 1000);
  for (const id of ids) assert.match(id, /^[0-9a-f]{32}$/);
});

test("a watcher that fails stops none behind it, and its failure is not hidden", () => {
  const store = createStore((state, action) => action, 0);
  const told = [];
  let broken = false;
  store.watch(() => { if (broken) throw new Error("cannot draw"); });
  store.watch((state) => told.push(state));
  broken = true;
  assert.throws(() => store.dispatch(1), /cannot draw/);
  assert.deepEqual(told, [0, 1]);
});
