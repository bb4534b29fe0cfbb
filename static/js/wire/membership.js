/**
 * One room as this page reads it: joins, checks the chain, repairs it by joining again from the last
 * offset read. Knows no socket: it is given `join`, and is told what arrived.
 */

import { parseCursor } from "./cursor.js";
import { judge, readEvent, readUpTo, resumeFrom, unread } from "./room-log.js";

const HELD_EVENTS = 500; // while a join is under way; past it the join's own answer has to do

export class Membership {
  /**
   * @param {{name: string, token?: string, after?: string, join: Function, later: Function, onSnapshot?: Function,
   *          onEvent?: Function, onError?: Function, onPlace?: Function, onPace?: Function, isConnected?: () => boolean}} options
   *   after: the cursor of what the reader knows already, from before a reload.
   *   join(payload, answered): sends room.join; answered(error, data) runs as the ack arrives, not a tick later.
   *   later(run, failures): runs it after a delay that grows with the failures.
   *   onPlace(cursor): everything up to this cursor has been passed on.
   *   onPace(): it has fallen behind, or caught up.
   */
  constructor(options) {
    this.name = options.name;
    this.options = options;
    this.log = readUpTo(unread, options.after);
    this.live = false; // nothing is missing, as far as can be known
    this.joining = false;
    this.asked = 0; // joins, so that the answer to an old one is known as such
    this.left = false;
    this.refused = false;
    this.failures = 0;
    this.held = [];
  }

  /** Whether there is something that it has yet to be told. */
  get isBehind() {
    return !(this.live || this.left || this.refused);
  }

  /** Whether it goes on from something, rather than beginning. */
  get hasPlace() {
    return this.log.epoch !== null;
  }

  join() {
    if (this.joining || this.left) return;
    this.joining = true;
    this.live = false;
    this.refused = false;
    const number = ++this.asked;
    const payload = { room: this.name };
    const after = resumeFrom(this.log);
    if (this.options.token) payload.token = this.options.token;
    if (after !== undefined) payload.after = after;
    this.options.join(payload, (error, data) => number === this.asked && this.joining && this.#answered(error, data));
    this.options.onPace?.();
  }

  /** Read the room anew, whatever has been read of it, with this token. Without a connection that waits for the next one. */
  restart(token) {
    this.options = { ...this.options, token };
    this.log = unread;
    this.joining = false;
    this.live = false;
    this.refused = false;
    if (this.options.isConnected?.() ?? true) this.join();
  }

  /** The connection is gone, and the room with it, unless the hub gives it back. */
  suspend() {
    this.joining = false;
  }

  /** @param {boolean} recovered the hub has restored the rooms and replays what was missed. */
  resume(recovered) {
    if (!(recovered && this.live)) this.join(); // a gap that was being repaired is a gap still
  }

  receive(event, cursor) {
    if (this.left) return;
    if (event.type === "room.reset") {
      this.#reset(event.data);
    } else if (this.joining) {
      if (this.held.length < HELD_EVENTS) this.held.push([event, cursor]);
    } else {
      this.#take(event, cursor);
    }
  }

  leave() {
    this.left = true;
    this.held = [];
  }

  #take(event, cursor, isFresh = false) {
    const verdict = judge(this.log, event, cursor);
    // A gap that a join has not closed is a gap in the hub's own log: asking again would not end.
    switch (verdict === "gap" && isFresh && event.offset > this.log.seen ? "next" : verdict) {
      case "volatile":
        this.options.onEvent?.(event);
        break;
      case "next":
        this.log = readEvent(this.log, event);
        this.options.onEvent?.(event);
        this.#told();
        break;
      case "gap":
        this.join();
        this.held.push([event, cursor]);
        break;
      default: // a repeat
    }
  }

  #answered(error, data) {
    if (this.left) return;
    this.joining = false;
    if (error) this.#failed(error);
    else this.#joined(data);
    this.options.onPace?.();
  }

  #failed(error) {
    this.held = [];
    this.refused = !error.retryable;
    if (this.refused) this.options.onError?.(error);
    else this.options.later(() => !this.live && this.join(), this.failures++);
  }

  #joined(data) {
    this.failures = 0;
    this.live = true;
    const resumed = data.recovered && isSameLife(data.cursor, this.log);
    const missed = resumed ? data.events.filter((event) => event.offset > this.log.seen) : [];
    this.log = readUpTo(this.log, data.cursor);
    if (resumed) for (const event of missed) this.options.onEvent?.(event);
    else this.options.onSnapshot?.(data.snapshot, data.events ?? []);
    this.#told();
    this.#release();
  }

  #reset({ snapshot, cursor, events }) {
    this.log = readUpTo(unread, cursor);
    this.options.onSnapshot?.(snapshot, events ?? null);
    this.#told();
  }

  #told() {
    if (this.left) return; // by whom it was told
    this.options.onPlace?.(resumeFrom(this.log));
  }

  #release() {
    const held = this.held;
    this.held = [];
    for (const [event, cursor] of held) {
      if (this.joining) this.held.push([event, cursor]);
      else this.#take(event, cursor, isSameLife(cursor, this.log));
    }
  }
}

function isSameLife(cursor, log) {
  return parseCursor(cursor)?.epoch === log.epoch;
}
