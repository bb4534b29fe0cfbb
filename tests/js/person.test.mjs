import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

/** Storage as a browser has it: what is not a method is a key. */
function storage(values) {
  const all = new Map(Object.entries(values));
  return {
    all,
    get length() { return all.size; },
    key: (index) => [...all.keys()][index] ?? null,
    getItem: (key) => all.get(key) ?? null,
    setItem: (key, value) => all.set(key, value),
    removeItem: (key) => all.delete(key),
  };
}

const MINE = { "comanda.cart": "{}", "comanda.order": "{}", "comanda.pending": "{}", "comanda.chat": "{}" };
const OF_THE_DEVICE = { "comanda.lang": '"en"', "comanda.device": '"d"', "comanda.session": "{}", "comanda.taps.x": "{}", theirs: "1" };
let listeners;
let number = 0;

beforeEach(() => {
  listeners = {};
  globalThis.localStorage = storage({ ...MINE, ...OF_THE_DEVICE });
  globalThis.sessionStorage = storage({ "comanda.rooms": '["order:P1"]', "comanda.room.order:P1": "{}", theirs: "1" });
  globalThis.addEventListener = (type, told) => (listeners[type] = told);
});
afterEach(() => {
  for (const name of ["localStorage", "sessionStorage", "addEventListener"]) delete globalThis[name];
});

/** A page of its own: it has the modules for itself. */
async function page() {
  const query = `?page=${++number}`;
  return { ...(await import(`../../static/js/person.js${query}`)), ...(await import("../../static/js/keep.js")) };
}

test("whoever comes next finds nothing of the one before, and what is the device's stays", async () => {
  const { forgetPerson, keep } = await page();
  let left = 0;
  await forgetPerson(() => left++);
  const { "comanda.forgotten": mark, ...stays } = Object.fromEntries(localStorage.all);
  assert.deepEqual(stays, OF_THE_DEVICE);
  assert.match(mark, /^"[0-9a-f]{32}"$/);
  assert.deepEqual(Object.fromEntries(sessionStorage.all), { theirs: "1" });
  assert.equal(left, 1);
  assert.equal(keep("order", { token: "late" }), false, "an answer under way is kept for nobody");
});

test("the person's other tabs leave as well, also one that rested in the back/forward cache; once", async () => {
  const { leaveWithPerson } = await page();
  let left = 0;
  leaveWithPerson(() => left++);
  listeners.storage({ key: "comanda.cart" });
  listeners.pageshow({ persisted: true });
  assert.equal(left, 0);
  localStorage.setItem("comanda.forgotten", '"x"');
  listeners.pageshow({ persisted: true });
  assert.equal(left, 1);
  assert.equal(sessionStorage.getItem("comanda.room.order:P1"), null);
});
