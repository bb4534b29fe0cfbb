import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { steadily } from "../../static/js/ui/steady.js";
import { lineState } from "../../static/js/wire/hub.js";

const room = (isBehind, hasPlace = false) => ({ isBehind, hasPlace });

test("a line is online when its last room has caught up", () => {
  assert.equal(lineState("online", [room(false), room(true)]), "catching_up");
  assert.equal(lineState("online", [room(false), room(false)]), "online");
  assert.equal(lineState("reconnecting", [room(true, true)]), "reconnecting");
});

test("a page that shows what it knew before a reload is catching up from the start", () => {
  assert.equal(lineState("connecting", [room(true, true)]), "catching_up");
  assert.equal(lineState("connecting", [room(true)]), "connecting");
});

/** What is told of states that come at these times (ms), up to five seconds. */
function toldOf(...states) {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  try {
    const told = [];
    const tell = steadily((state) => told.push([Date.now(), state]), { first: "connecting", after_ms: 400, least_ms: 1200, now: Date.now });
    for (const [at, state] of states) setTimeout(tell, at, state);
    for (let ms = 0; ms < 5000; ms += 50) mock.timers.tick(50);
    return told;
  } finally {
    mock.timers.reset();
  }
}

test("catching up for a moment is not told", () => {
  assert.deepEqual(toldOf([100, "catching_up"], [450, "online"]), [[0, "connecting"], [450, "online"]]);
});

test("catching up that lasts is told, long enough to be read", () => {
  assert.deepEqual(toldOf([100, "catching_up"], [600, "online"]), [[0, "connecting"], [500, "catching_up"], [1700, "online"]]);
});

test("a line that is lost is told at once", () => {
  assert.deepEqual(toldOf([50, "catching_up"], [500, "reconnecting"]), [[0, "connecting"], [450, "catching_up"], [500, "reconnecting"]]);
});
