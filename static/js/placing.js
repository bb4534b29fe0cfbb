/**
 * Sends the customer's order, once, however often the line or the page breaks meanwhile.
 *
 * It is written down on this device with its command id before it is sent, and crossed out when it is answered. Until then
 * no other is sent, here or in another tab: the same command is repeated.
 */

import { newId } from "./ids.js";
import { keep, kept, onKeptElsewhere } from "./keep.js";
import { canTakeBack, isPending, isUnderWay, leavesOpen, nothingPlaced, placingReducer } from "./state/placing.js";
import { createStore } from "./state/store.js";
import { now as hubNow } from "./wire/clock.js";
import { retryDelay } from "./wire/hub.js";

const KEY = "pending";

export class Placing {
  #isRunning = false;

  /**
   * @param {{hub: {command: Function, connected: Function}, onPlaced: (answer: object, pending: object) => void,
   *          onRefused: (error: Error, pending: object) => void, shelf?: object, pause?: Function, now?: () => number}} options
   *   shelf: where it is kept. pause(error, failures): resolves when it is time to try again.
   */
  constructor({ hub, onPlaced, onRefused, shelf = deviceShelf(), pause = retryPause, now = hubNow }) {
    Object.assign(this, { hub, onPlaced, onRefused, shelf, pause, now });
    this.store = createStore(placingReducer, nothingPlaced);
    this.isKept = true; // false: the device has no room, and the order is this page's alone
  }

  /** Take up what was left open before a reload, and what other tabs send. */
  start() {
    this.#find();
    this.shelf.watch?.(() => this.#find());
  }

  /**
   * @param {object} order the body of `order.place`
   * @param {{id: number, qty: number}[]} lines of the cart that it is made of
   * @returns {boolean} whether it is taken; not while another is open.
   */
  place(order, lines) {
    this.#find(); // another tab may have sent one
    if (this.store.state.pending) return false;
    this.#change({ type: "place", pending: { command_id: newId(), order, lines, at: this.now(), tried: false } });
    this.#run();
    return true;
  }

  /** Take back what has not been sent, or is from long ago and not wanted any more. */
  takeBack() {
    this.#find(); // another tab may have sent it
    const { state } = this.store;
    if (canTakeBack(state) || state.phase === "asking") this.#settle(state.pending.command_id);
  }

  /** It is from long ago, and still wanted. */
  confirm() {
    this.#change({ type: "wanted" });
    this.#run();
  }

  #find() {
    if (!this.isKept) return;
    this.store.dispatch({ type: "found", pending: this.shelf.load(), now: this.now() });
    if (this.store.state.pending === null) this.shelf.save(null);
    this.#run();
  }

  async #run() {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let failures = 0; this.#isWanted(); failures++) {
        await this.hub.connected();
        const error = this.#isWanted() ? await this.#send(this.store.state.pending) : null;
        if (error) await this.pause(error, failures);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #isWanted() {
    return !["none", "asking"].includes(this.store.state.phase);
  }

  /** @returns {Promise<Error | null>} why it has to be sent again. */
  async #send(pending) {
    const { command_id, order } = pending;
    const wasUnsure = this.store.state.phase === "unsure";
    this.#change({ type: "trying" });
    try {
      const answer = await this.hub.command("order.place", { ...order, command_id }, { deadline_ms: 0 });
      if (this.#settle(command_id)) this.onPlaced(answer, pending);
    } catch (error) {
      if (!error.code) throw error;
      if (leavesOpen(error, wasUnsure)) {
        if (isUnderWay(this.store.state, command_id)) this.#change({ type: "unanswered" });
        return error;
      }
      if (this.#settle(command_id)) this.onRefused(error, pending);
    }
    return null;
  }

  /** @returns {boolean} false if another tab has been told first. */
  #settle(command_id) {
    if (!isUnderWay(this.store.state, command_id)) return false;
    this.#change({ type: "settled", command_id });
    return true;
  }

  #change(action) {
    this.store.dispatch(action);
    this.isKept = this.shelf.save(this.store.state.pending) !== false;
  }
}

function deviceShelf() {
  return {
    load: () => kept(KEY, isPending),
    save: (pending) => keep(KEY, pending),
    watch: (watcher) => onKeptElsewhere(KEY, watcher),
  };
}

function retryPause(error, failures) {
  return new Promise((resume) => setTimeout(resume, retryDelay(error, failures)));
}
