import assert from "node:assert/strict";
import { test } from "node:test";
import { admitted, forgetKeepsakes, Keepsake, packed, unpacked } from "../../static/js/wire/keepsake.js";

class Box {
  #all = new Map();
  get length() {
    return this.#all.size;
  }
  key(index) {
    return [...this.#all.keys()][index] ?? null;
  }
  getItem(key) {
    return this.#all.get(key) ?? null;
  }
  setItem(key, value) {
    this.#all.set(key, value);
  }
  removeItem(key) {
    this.#all.delete(key);
  }
}

const isSound = (state) => Number.isInteger(state?.n);

function keepsake(storage, options = {}) {
  return new Keepsake("order:PED1", { storage, isSound, soon: () => 1, ...options });
}

test("what was kept is there after a reload, with its cursor", () => {
  const storage = new Box();
  const before = keepsake(storage);
  before.keep("e1-7", { n: 1 });
  before.write();
  assert.deepEqual(keepsake(storage).restore(), { cursor: "e1-7", state: { n: 1 } });
});

test("what was kept says when it was the whole truth, if that is known", () => {
  const storage = new Box();
  const before = keepsake(storage);
  before.keep("e1-7", { n: 1 }, 5000);
  before.write();
  assert.equal(keepsake(storage).restore().at, 5000);
  assert.equal(unpacked('{"version":1,"owner":"","cursor":"e1-7","at":"noon","state":{"n":1}}', "", isSound).at, undefined);
});

test("another's, an unsound and a torn one are thrown away", () => {
  const storage = new Box();
  const before = keepsake(storage, { owner: "ana" });
  before.keep("e1-7", { n: 1 });
  before.write();
  assert.equal(keepsake(storage, { owner: "beto" }).restore(), null);
  assert.equal(storage.getItem("comanda.room.order:PED1"), null);
  storage.setItem("comanda.room.order:PED1", "{");
  assert.equal(keepsake(storage).restore(), null);
  assert.equal(unpacked(packed({ owner: "", cursor: "e1-1", state: { n: "x" } }), "", isSound), null);
});

test("what a page kept is gone once its reader has signed out, also when the page is left a moment later", () => {
  const storage = new Box();
  let session = "ana";
  const page = keepsake(storage, { mayKeep: () => session === "ana" });
  page.keep("e1-7", { n: 1 });
  page.write();
  page.keep("e1-8", { n: 2 });
  session = null;
  forgetKeepsakes(storage);
  page.write(); // as it is left
  assert.equal(keepsake(storage).restore(), null);
});

test("an entry of another version is thrown away", () => {
  const text = packed({ owner: "", cursor: "e1-1", state: { n: 1 } });
  assert.notEqual(unpacked(text, "", isSound), null);
  assert.equal(unpacked(text.replace('"version":1', '"version":0'), "", isSound), null);
});

test("storage that throws costs nothing but the head start", () => {
  const refuses = new Proxy({}, { get: () => { throw new Error("no"); } });
  const one = keepsake(refuses);
  one.keep("e1-7", { n: 1 });
  one.write();
  assert.equal(one.restore(), null);
  forgetKeepsakes(refuses);
});

test("a bounded number of rooms is kept, of a bounded size, and all of it can be forgotten", () => {
  assert.deepEqual(admitted(["a", "b", "c", "d", "e", "f"], "g").dropped, ["a"]);
  assert.equal(packed({ owner: "", cursor: "e1-1", state: "x".repeat(1_000_001) }), null);
  const storage = new Box();
  const one = keepsake(storage);
  one.keep("e1-7", { n: 1 });
  one.write();
  forgetKeepsakes(storage);
  assert.equal(storage.length, 0);
});
