/**
 * What staff tap, sent in order and once each, however often the line or the page breaks meanwhile.
 *
 * A tap is written down on this device with its command id before it is sent, and crossed out when it is answered: one
 * that was made without a connection, or whose answer was lost, is sent again under the same id. What the hub refuses
 * waits until somebody has seen it. The list is its owner's: another person who signs in here has one of their own.
 */

import { newId } from "./ids.js";
import { keep, kept, keptKeys } from "./keep.js";
import { canTap, canUndo, isTaps, noTaps, tapsReducer, waitingFor } from "./state/taps.js";
import { createStore } from "./state/store.js";
import { retryDelay } from "./wire/hub.js";

const KEY = "taps";

export class Taps {
  #answers = new Map();
  #sending = false;
  #more = false; // tapped while the sending was about to end

  /**
   * @param {{hub: {command: Function, connected: Function}, owner: string, onDenied: (error: Error) => void, shelf?: object,
   *          alone?: Function, pause?: Function}} options
   *   shelf: where the list is kept; its `save` answers false if it could not. alone(work): does it when no other tab does.
   *   pause(error, failures): resolves when it is time to try again.
   */
  constructor({ hub, owner, onDenied, shelf = deviceShelf(owner), alone = onlyHere, pause = retryPause }) {
    Object.assign(this, { hub, onDenied, shelf, alone, pause });
    this.isKept = true; // false: the device has no room, and the list is this page's alone
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
  tap(name, order, payload, what, command_id = newId()) {
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

  /** Take back what has not been sent; of what has, only the hub knows whether it is done. */
  undo(command_id) {
    this.#load();
    if (canUndo(this.store.state, command_id)) this.#settle(command_id, false, { type: "undone", command_id });
  }

  see(command_id) {
    this.#change({ type: "seen", command_id });
  }

  async #send() {
    this.#more = true;
    if (this.#sending) return;
    this.#sending = true;
    try {
      for (let failures = 0; this.#more; failures++) {
        this.#more = false;
        await this.hub.connected(); // before its turn: a tab without a line must not keep it from one that has
        const error = await this.alone(() => this.#sendAll());
        if (!error) failures = -1;
        else if (error.code === "unauthorized") this.onDenied(error); // signed in again, the same person goes on
        else await this.#pauseFor(error, failures);
      }
    } finally {
      this.#sending = false;
    }
  }

  async #pauseFor(error, failures) {
    await this.pause(error, failures);
    this.#more = true;
  }

  /** @returns {Promise<Error | null>} why it stopped before the end. */
  async #sendAll() {
    this.#load(); // another tab may have sent some
    while (this.store.state.waiting.length) {
      const error = await this.#sendOne(this.store.state.waiting[0]);
      if (error) return error;
      this.#load();
    }
    return null;
  }

  /** @returns {Promise<Error | null>} why it has to be tried again: the same id makes a repeat harmless. */
  async #sendOne({ command_id, name, payload }) {
    this.#change({ type: "trying", command_id });
    try {
      await this.hub.command(name, payload, { deadline_ms: 0 });
      this.#settle(command_id, true, { type: "done", command_id });
    } catch (error) {
      if (!error.code) throw error;
      if (error.retryable || error.code === "unauthorized") return error;
      this.#settle(command_id, false, { type: "refused", command_id, error: { code: error.code } });
    }
    return null;
  }

  #settle(command_id, done, action) {
    this.#change(action);
    this.#answer(command_id, done);
  }

  #answer(command_id, done) {
    this.#answers.get(command_id)?.(done);
    this.#answers.delete(command_id);
  }

  #change(action) {
    this.#load();
    this.store.dispatch(action);
    this.isKept = this.shelf.save(this.store.state) !== false;
  }

  #load() {
    const loaded = this.#loaded();
    if (JSON.stringify(loaded) === JSON.stringify(this.store.state)) return;
    this.store.dispatch({ type: "loaded", state: loaded });
    const waiting = new Set(loaded.waiting.map((tap) => tap.command_id));
    for (const id of [...this.#answers.keys()]) {
      if (!waiting.has(id)) this.#answer(id, !loaded.refused.some((tap) => tap.command_id === id)); // sent by another tab
    }
  }

  #loaded() {
    const found = this.isKept ? this.shelf.load() : null;
    return isTaps(found) ? found : (this.store?.state ?? noTaps);
  }
}

/** How many taps wait on this device, whoever made them. */
export function tapsOnDevice() {
  return keptKeys(`${KEY}.`).map((key) => kept(key, isTaps)).filter(Boolean).reduce((sum, taps) => sum + taps.waiting.length, 0);
}

function deviceShelf(owner) {
  const key = `${KEY}.${owner}`;
  return {
    load: () => kept(key, isTaps),
    save: (state) => keep(key, state),
    watch: (changed) => addEventListener("storage", changed),
  };
}

function retryPause(error, failures) {
  return new Promise((resume) => setTimeout(resume, retryDelay(error, failures)));
}

/** One tab at a time, where the browser can say so; elsewhere the command ids make a second sending harmless. */
async function onlyHere(work) {
  let begun = false;
  const begin = () => {
    begun = true;
    return work();
  };
  try {
    return await (navigator.locks ? navigator.locks.request("comanda.taps", begin) : begin());
  } catch (error) {
    if (begun) throw error;
    return begin(); // a browser without storage has no locks to give either
  }
}
