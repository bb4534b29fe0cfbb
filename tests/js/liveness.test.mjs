import assert from "node:assert/strict";
import { test } from "node:test";
import { Liveness } from "../../static/js/wire/liveness.js";

/** A line with a clock of its own. A timer that is due runs when time passes; asleep, when the sleep is over. */
function bench({ connected = true, busy = false } = {}) {
  const box = { connected, busy, at: 100_000, probes: [], renewed: [], timers: [] };
  box.liveness = new Liveness({
    isConnected: () => box.connected,
    isBusy: () => box.busy,
    probe: (answered) => box.probes.push(answered),
    renew: (wasAsked) => {
      box.renewed.push([box.at, wasAsked]);
      box.lose();
    },
    later: (run, ms) => {
      const entry = { due: box.at + ms, run };
      box.timers.push(entry);
      return () => box.timers.splice(box.timers.indexOf(entry), box.timers.includes(entry) ? 1 : 0);
    },
    now: () => box.at,
  });
  box.pass = (ms) => {
    for (const end = box.at + ms; ; ) {
      const next = box.timers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      if (!next) return void (box.at = end);
      box.timers.splice(box.timers.indexOf(next), 1);
      box.at = Math.max(box.at, next.due);
      next.run();
    }
  };
  box.sleep = (ms) => {
    box.at += ms;
    const due = box.timers.filter((timer) => timer.due <= box.at);
    box.timers = box.timers.filter((timer) => timer.due > box.at);
    for (const timer of due) timer.run();
  };
  box.connect = () => {
    box.connected = true;
    box.liveness.settled();
  };
  box.lose = () => {
    box.connected = false;
    box.liveness.lost();
  };
  box.pass(60_000);
  return box;
}

test("a connection that answers is left as it is", () => {
  const box = bench();
  box.liveness.check();
  box.pass(300);
  box.probes[0]();
  box.pass(60_000);
  assert.deepEqual(box.renewed, []);
  assert.equal(box.timers.length, 0);
});

test("a connection that does not answer is renewed within a second and a half", () => {
  const box = bench();
  const began = box.at;
  box.liveness.check();
  box.pass(1500);
  assert.equal(box.renewed.length, 1);
  assert.ok(box.renewed[0][0] - began <= 1500);
  assert.equal(box.renewed[0][1], true);
});

test("several signs of waking at once ask once", () => {
  const box = bench();
  for (let n = 0; n < 4; n++) {
    box.liveness.check();
    box.pass(50);
  }
  assert.equal(box.probes.length, 1);
  box.probes[0]();
  box.liveness.check();
  assert.equal(box.probes.length, 2);
});

test("signs that never end put no verdict off", () => {
  const box = bench();
  for (let n = 0; n < 20; n++) {
    box.liveness.check();
    box.pass(100);
  }
  assert.equal(box.renewed[0][1], true);
});

test("a page that slept while it asked asks again, for nobody could have heard the answer", () => {
  const box = bench();
  box.liveness.check();
  box.sleep(3_600_000);
  assert.deepEqual(box.renewed, []);
  assert.equal(box.probes.length, 2);
  box.probes[0](); // from before the sleep
  box.pass(1500);
  assert.equal(box.renewed.length, 1);
});

test("a line that is busy with much is given longer", () => {
  const box = bench({ busy: true });
  box.liveness.check();
  box.pass(3000);
  assert.deepEqual(box.renewed, []);
  box.pass(3000);
  assert.equal(box.renewed.length, 1);
});

test("a page without a connection does not wait for the next attempt", () => {
  const box = bench({ connected: false });
  box.liveness.check();
  assert.deepEqual(box.renewed, [[box.at, false]]);
  assert.equal(box.probes.length, 0);
});

test("an attempt that has just begun is given its time, and one that comes to nothing is renewed after it", () => {
  const box = bench({ connected: false });
  box.liveness.check();
  box.pass(500);
  box.liveness.check();
  box.liveness.check();
  assert.equal(box.renewed.length, 1);
  box.pass(1000);
  assert.equal(box.renewed.length, 2);
});

test("an attempt that came to something meanwhile is only asked", () => {
  const box = bench({ connected: false });
  box.liveness.check();
  box.pass(500);
  box.liveness.check();
  box.connect();
  box.pass(1000);
  assert.equal(box.renewed.length, 1);
  assert.equal(box.probes.length, 1);
});

test("a connection that is lost while it is asked is renewed at once", () => {
  const box = bench();
  const began = box.at;
  box.liveness.check();
  box.pass(5);
  box.lose();
  box.pass(0);
  assert.deepEqual(box.renewed, [[began + 5, false]]);
  box.connect();
  box.pass(5000);
  assert.equal(box.renewed.length, 1);
});

test("a connection that is lost unasked is left to come back by itself", () => {
  const box = bench();
  box.lose();
  box.pass(5000);
  assert.deepEqual(box.renewed, []);
});

test("what was asked of one connection says nothing of the next", () => {
  const box = bench();
  box.liveness.check();
  box.lose();
  box.connect();
  box.pass(100);
  box.probes[0]();
  box.probes[1]();
  box.pass(5000);
  assert.deepEqual(box.renewed, []);
});
