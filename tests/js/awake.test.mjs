import assert from "node:assert/strict";
import { test } from "node:test";
import { keepAwake } from "../../static/js/ui/awake.js";

function screen({ refuse = null } = {}) {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const locks = [];
  const wakeLock = { request: async (kind) => {
    if (refuse) throw Object.assign(new Error("no"), { name: refuse });
    locks.push({ kind, released: false });
    return locks.at(-1);
  } };
  const turn = async (state) => {
    page.visibilityState = state;
    if (state === "hidden") for (const lock of locks) lock.released = true; // as browsers do
    page.dispatchEvent(new Event("visibilitychange"));
    await null;
  };
  return { locks, page, turn, wakeLock };
}

test("the screen is kept on, once, and again after the page was out of view", async () => {
  const { locks, page, turn, wakeLock } = screen();
  const awake = keepAwake({ wakeLock, page });
  await Promise.all([awake.take(), awake.take()]);
  assert.equal(locks.length, 1);
  await turn("hidden");
  await turn("visible");
  assert.deepEqual(locks.map((lock) => lock.released), [true, false]);
});

test("a lock that is not given now is asked for again; a browser without any says so", async () => {
  const { page, wakeLock } = screen({ refuse: "NotAllowedError" });
  await keepAwake({ wakeLock, page }).take();
  let missing = 0;
  await keepAwake({ wakeLock: null, page, onMissing: () => missing++ }).take();
  assert.equal(missing, 1);
});
