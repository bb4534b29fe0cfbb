import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { HubClock, sleeplessClock } from "../../static/js/wire/clock.js";
import { currentSession, signIn } from "../../static/js/wire/session.js";

const HOUR = 3_600_000;
const HUB = Date.parse("2026-11-20T21:30:00.000Z");
const iso = (ms) => new Date(ms).toISOString();

/** A device whose two clocks are set by hand; `pass` lets true time go by on both. */
function device({ wall = HUB, monotonic = 5000 } = {}) {
  const box = { wall, monotonic };
  box.pass = (ms) => {
    box.wall += ms;
    box.monotonic += ms;
  };
  box.clocks = { wall: () => box.wall, monotonic: () => box.monotonic };
  return box;
}

test("before the hub has said anything the device is believed", () => {
  const clock = new HubClock(device({ wall: HUB + 7 }).clocks);
  assert.equal(clock.now(), HUB + 7);
  assert.equal(clock.isKnown, false);
});

test("a device that is days off shows the hub's time after its first word", () => {
  const box = device({ wall: HUB + 72 * HOUR });
  const clock = new HubClock(box.clocks);
  const asked_at = box.monotonic;
  box.pass(100);
  clock.learn(iso(HUB + 50), asked_at);
  assert.ok(Math.abs(clock.now() - (HUB + 100)) <= 100);
  assert.equal(clock.isKnown, true);
});

test("a wall clock that is set during the session moves nothing", () => {
  const box = device();
  const clock = new HubClock(box.clocks);
  clock.learn(iso(HUB), box.monotonic);
  box.wall += HOUR;
  box.pass(60_000);
  assert.ok(Math.abs(clock.now() - (HUB + 60_000)) <= 1);
  box.wall -= 5 * HOUR;
  assert.ok(Math.abs(clock.now() - (HUB + 60_000)) <= 1);
});

test("a monotonic clock that stood still while the device slept is set right by the hub's next word", () => {
  const box = device();
  const clock = new HubClock(box.clocks);
  clock.learn(iso(HUB), box.monotonic);
  box.wall += HOUR; // asleep
  clock.learn(iso(HUB + HOUR), box.monotonic);
  assert.ok(Math.abs(clock.now() - (HUB + HOUR)) <= 1);
});

test("a word of whole seconds does not undo a finer one, and answers that took long say little", () => {
  const box = device();
  const clock = new HubClock(box.clocks);
  clock.learn(iso(HUB), box.monotonic);
  const before = clock.now() - box.monotonic;
  const asked_at = box.monotonic;
  box.pass(700);
  clock.learn(new Date(HUB).toUTCString(), asked_at, 1000);
  box.pass(8000);
  clock.learn(iso(HUB + 900), asked_at);
  assert.equal(clock.now() - box.monotonic, before);
});

test("who shows times is told when they were wrong, and not of small corrections", () => {
  const box = device({ wall: HUB + HOUR });
  const clock = new HubClock(box.clocks);
  let told = 0;
  clock.watch(() => told++);
  clock.learn(iso(HUB), box.monotonic);
  assert.equal(told, 1);
  clock.learn(iso(HUB + 300), box.monotonic);
  assert.equal(told, 1);
});

test("what is no time is not learned", () => {
  const clock = new HubClock(device().clocks);
  for (const nonsense of [null, undefined, "", "soon"]) clock.learn(nonsense, 0);
  assert.equal(clock.isKnown, false);
});

test("sleep is seen by whichever clock knows of it, and a clock that is set back does not take time back", () => {
  const box = device();
  const passed = sleeplessClock(box.clocks);
  box.wall += HOUR; // asleep, the monotonic clock with it
  assert.equal(passed(), HOUR);
  box.wall -= 2 * HOUR;
  assert.equal(passed(), HOUR);
  box.wall -= HOUR;
  box.monotonic += 1000;
  assert.equal(passed(), HOUR + 1000);
});

test("a session ends by the hub's clock; while that is unknown, by the hub's word alone", () => {
  const kept = new Map();
  globalThis.localStorage = { getItem: (key) => kept.get(key) ?? null, setItem: (key, text) => kept.set(key, text) };
  signIn({ token: "a.b", expires_at: iso(HUB + HOUR), principal: { roles: ["kitchen"] } });
  const box = device({ wall: HUB + 72 * HOUR });
  const clock = new HubClock(box.clocks);
  assert.ok(currentSession(clock));
  clock.learn(iso(HUB), box.monotonic);
  assert.ok(currentSession(clock));
  box.pass(HOUR + 1000);
  assert.equal(currentSession(clock), null);
});

test("one module alone reads the device's clocks", () => {
  const root = new URL("../../static/", import.meta.url);
  const sources = readdirSync(root, { recursive: true }).filter((path) => path.endsWith(".js") && !path.startsWith("vendor"));
  assert.ok(sources.length > 40);
  const reads = /Date\.now|new Date\(\)|[^.\w]Date\(\)|performance\.now|timeOrigin/;
  const readers = sources.filter((path) => reads.test(readFileSync(new URL(path, root), "utf8")));
  assert.deepEqual(readers, ["js/wire/clock.js"]);
});
