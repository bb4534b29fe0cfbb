import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { deviceName } from "../../static/js/wire/device.js";

const kept = new Map();
const storage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => kept.set(key, value),
  removeItem: (key) => kept.delete(key),
};

beforeEach(() => {
  kept.clear();
  globalThis.localStorage = storage;
});

test("a device has one name, which the hub takes", () => {
  const name = deviceName();
  assert.match(name, /^[A-Za-z0-9_-]{32}$/);
  assert.equal(deviceName(), name);
  kept.clear();
  assert.notEqual(deviceName(), name);
});

test("a name that something has spoilt is made anew", () => {
  for (const spoilt of ['"short"', "7", '"with spaces in it, and long"', "no JSON", "null"]) {
    kept.set("comanda.device", spoilt);
    assert.match(deviceName(), /^[A-Za-z0-9_-]{32}$/);
  }
});

test("a device that may keep nothing has no name", () => {
  globalThis.localStorage = { ...storage, setItem: () => { throw new Error("full"); } };
  assert.equal(deviceName(), undefined);
});
