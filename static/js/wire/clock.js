/**
 * The hub's time as seen from here, and the only place that reads the device's clocks. A device's wall clock may be hours off,
 * and may jump at any moment. So the hub's time is counted on from its last word by the monotonic clock; before its first
 * word, from what the wall clock said when the page began. The monotonic clock may stand still while a device sleeps: the
 * next word of the hub, at the latest when the page wakes, sets that right.
 */

import { tellEach } from "../tell-each.js";

const DRIFT = 1e-4; // how far apart a device's monotonic clock and the hub's clock may run
const DATE_MS = 1000; // a Date header counts whole seconds
const SEEN_MS = 1000; // a correction that a reader may notice

export class HubClock {
  #ahead; // the hub's time minus the monotonic clock
  #watchers = new Set();
  #bounds = null; // {least, most, at}: between which that is, as of a moment of the monotonic clock

  /** @param {{monotonic?: () => number, wall?: () => number}} device */
  constructor({ monotonic: read = monotonic, wall = () => Date.now() } = {}) {
    this.monotonic = read;
    this.#ahead = wall() - read();
  }

  /** Whether the hub has said what time it is. */
  get isKnown() {
    return this.#bounds !== null;
  }

  now() {
    return this.monotonic() + this.#ahead;
  }

  /**
   * @param {string | null} at what the hub's clock showed, some time between the question and now
   * @param {number} asked_at the question's time on the monotonic clock
   * @param {number} step_ms what one count of `at` stands for
   */
  learn(at, asked_at, step_ms = 1) {
    const hub_ms = Date.parse(at);
    if (!Number.isFinite(hub_ms)) return;
    const heard_at = this.monotonic();
    const said = { least: hub_ms - heard_at, most: hub_ms + step_ms - asked_at };
    const { least, most } = narrowed(this.#bounds, said, heard_at) ?? said; // null: one of the clocks was set, or stood still
    const isOutside = !this.isKnown || this.#ahead < least || this.#ahead > most;
    this.#bounds = { least, most, at: heard_at };
    if (isOutside) this.#correct((least + most) / 2);
  }

  /** @param {() => void} watcher called when the time has moved by so much that what is shown of it is wrong. */
  watch(watcher) {
    this.#watchers.add(watcher);
  }

  #correct(ahead) {
    const moved_ms = Math.abs(ahead - this.#ahead);
    this.#ahead = ahead;
    if (moved_ms >= SEEN_MS) tellEach(this.#watchers);
  }
}

/** What two words of the hub say together, the older one less surely; null if they contradict each other. */
function narrowed(known, said, heard_at) {
  if (!known) return null;
  const slack = (heard_at - known.at) * DRIFT;
  const least = Math.max(known.least - slack, said.least);
  const most = Math.min(known.most + slack, said.most);
  return least <= most ? { least, most } : null;
}

/** The device's monotonic clock: for durations. Nobody can set it. */
export function monotonic() {
  return performance.now();
}

/**
 * A clock that never goes back, and that goes on while the device sleeps, whichever of the two clocks knows of it. It may
 * jump ahead when somebody sets the wall clock: good for finding out that a page may have slept, and for no more.
 *
 * @returns {() => number}
 */
export function sleeplessClock({ monotonic: read = monotonic, wall = () => Date.now() } = {}) {
  let [total, last_monotonic, last_wall] = [0, read(), wall()];
  return () => {
    const [now_monotonic, now_wall] = [read(), wall()];
    total += Math.max(now_monotonic - last_monotonic, now_wall - last_wall, 0);
    [last_monotonic, last_wall] = [now_monotonic, now_wall];
    return total;
  };
}

/** The page's own. */
export const clock = new HubClock();

export function now() {
  return clock.now();
}

/** @param {string | null} date the Date header of a fresh answer. */
export function learnDate(date, asked_at) {
  clock.learn(date, asked_at, DATE_MS);
}
