/**
 * What staff tap, sent in order and once each, however often the line or the page breaks meanwhile.
 *
 * A tap is written down on this device with its command id before it is sent, and crossed out when it is answered: one
 * that was made without a connection, or whose answer was lost, is sent again under the same id. What the hub refuses
 * waits until somebody has seen it. The list is its owner's: another person who signs in here has one of their own.
 */

import { keep, kept } from "./keep.js";
import { canTap, isTaps, noTaps, tapsReducer, waitingFor } from "./state/taps.js";
import { createStore } from "./state/store.js";

const KEY = "taps";

export class Taps {
  #answers = new Map();
  #sending = false;
  #more = false; // tapped while the sending was about to end

  /** @param {{hub: {command: Function}, owner: string, onDenied: (error: Error) => void, shelf?: object, alone?: Function}} options */
  constructor({ hub, owner, onDenied, shelf = deviceShelf(owner), alone = onlyHere }) {
    Object.assign(this, { hub, onDenied, shelf, alone });
    this.store = createStore(tapsReducer, this.#loaded());
    shelf.watch?.(() => this.#load());
    this.#send();
  }

  /**
   * @param {string} name the command
   * @param {{id: string, code: string}} order
   * @param {string} what in the reader's words
   * @returns {Promise<boolean>} whether it was done; null at once if it is not taken: too many wait, or this one does.
   */
  tap(name, order, payload, what, command_id = crypto.randomUUID()) {
    this.#load();
    const said = { order_id: order.id, ...payload, command_id };
    // The version it was tapped at is no longer the order's once the taps before it are done.
    if (waitingFor(this.store.state, order.id).length) delete said.version;
    const tap = { command_id, name, payload: said, order_id: order.id, code: order.code, what };
    if (!canTap(this.store.state, tap)) return null;
    this.#change({ type: "tapped", tap });
    const answered = new Promise((resolve) => this.#answers.set(command_id, resolve));
    this.#send();
    return answered;
  }

  /** Take back what has not been sent; what is under way may be done all the same. */
  undo(command_id) {
    this.#settle(command_id, false, { type: "undone", command_id });
  }

  see(command_id) {
    this.#change({ type: "seen", command_id });
  }

  async #send() {
    this.#more = true;
    if (this.#sending) return;
    this.#sending = true;
    try {
      while (this.#more) await this.#sendAll();
    } finally {
      this.#sending = false;
    }
  }

  #sendAll() {
    this.#more = false;
    return this.alone(async () => {
      this.#load(); // another tab may have sent some
      while (this.store.state.waiting.length) if (!(await this.#sendOne(this.store.state.waiting[0]))) return;
    });
  }

  /** @returns {Promise<boolean>} whether to go on. */
  async #sendOne({ command_id, name, payload }) {
    try {
      await this.hub.command(name, payload);
      this.#settle(command_id, true, { type: "done", command_id });
    } catch (error) {
      if (!error.code) throw error;
      if (error.code === "unauthorized") {
        this.onDenied(error); // signed in again, the same person goes on
        return false;
      }
      // Without an answer it has waited for one already; the same id makes a repeat harmless.
      if (!error.retryable) this.#settle(command_id, false, { type: "refused", command_id, error: { code: error.code } });
    }
    return true;
  }

  #settle(command_id, done, action) {
    this.#change(action);
    this.#answers.get(command_id)?.(done);
    this.#answers.delete(command_id);
  }

  #change(action) {
    this.#load();
    this.store.dispatch(action);
    this.shelf.save(this.store.state);
  }

  #load() {
    const loaded = this.#loaded();
    if (JSON.stringify(loaded) !== JSON.stringify(this.store.state)) this.store.dispatch({ type: "loaded", state: loaded });
  }

  #loaded() {
    const found = this.shelf.load();
    return isTaps(found) ? found : (this.store?.state ?? noTaps); // storage may be forbidden: then the page's own memory
  }
}

function deviceShelf(owner) {
  const key = `${KEY}.${owner}`;
  return {
    load: () => kept(key),
    save: (state) => keep(key, state),
    watch: (changed) => addEventListener("storage", changed),
  };
}

/** One tab at a time, where the browser can say so; elsewhere the command ids make a second sending harmless. */
function onlyHere(work) {
  return navigator.locks ? navigator.locks.request("comanda.taps", work) : work();
}
