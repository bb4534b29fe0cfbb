/**
 * Finds out if a connection is still alive when that has become doubtful. Knows no socket and no browser.
 *
 * A connection that died while a device slept looks alive until the next ping of the hub is missed, 33 s later. So it is
 * asked: no answer in time, and it is renewed. An answer that is late because the page slept in between says nothing.
 */

import { sleeplessClock } from "./clock.js";

const ANSWER_MS = 1400; // leaves time before and after it to tell the reader within 2 s
const BUSY_ANSWER_MS = 6000; // the answer may wait behind a large one, and the page says already that it is behind
const LATE_MS = 1000; // a timer that runs so much later than asked for has slept
const APART_MS = 1500; // a new connection is given so long before the next one

export class Liveness {
  #probe = null; // {sent_at, within_ms, cancel}: the one under way
  #renewed_at;
  #again = null;

  /**
   * @param {{isConnected: () => boolean, isBusy: () => boolean, probe: (answered: () => void) => void,
   *          renew: (wasAsked: boolean) => void, later?: (run: () => void, ms: number) => () => void, now?: () => number}} line
   *   probe: asks the hub for an answer, whatever it says. renew: drops the connection, if there is one, and makes a new
   *   one at once; wasAsked: it did not answer. later: runs it after a while, returns what cancels it.
   */
  constructor({ later = timer, now = sleeplessClock(), ...line }) {
    Object.assign(this, { line, later, now });
    this.#renewed_at = now(); // the first connection is being made
  }

  /** The page may have slept, or its network has changed. */
  check() {
    if (!this.line.isConnected()) this.#renew(false);
    else if (!this.#isAsking()) this.#ask();
  }

  /** A connection has been made, or has answered: what was asked before is no longer of interest. */
  settled() {
    this.#probe?.cancel();
    this.#probe = null;
  }

  /** The connection is gone. If it had been asked, that is the answer, and the next one is made at once. */
  lost() {
    const wasAsking = this.#probe !== null;
    this.settled();
    if (wasAsking) this.later(() => this.check(), 0);
  }

  #isAsking() {
    return this.#probe !== null && this.now() - this.#probe.sent_at < this.#probe.within_ms;
  }

  #ask() {
    this.settled();
    const within_ms = this.line.isBusy() ? BUSY_ANSWER_MS : ANSWER_MS;
    const probe = { sent_at: this.now(), within_ms };
    this.#probe = probe;
    probe.cancel = this.later(() => this.#unanswered(probe), within_ms);
    this.line.probe(() => probe === this.#probe && this.settled());
  }

  #unanswered(probe) {
    if (probe !== this.#probe) return;
    this.#probe = null;
    const late_ms = this.now() - probe.sent_at - probe.within_ms;
    if (late_ms > LATE_MS) this.check();
    else this.#renew(true);
  }

  #renew(wasAsked) {
    const wait_ms = this.#renewed_at + APART_MS - this.now();
    if (!wasAsked && wait_ms > 0) {
      this.#again ??= this.later(() => {
        this.#again = null;
        this.check();
      }, wait_ms);
      return;
    }
    this.#renewed_at = this.now();
    this.line.renew(wasAsked);
  }
}

function timer(run, ms) {
  const id = setTimeout(run, ms);
  return () => clearTimeout(id);
}
