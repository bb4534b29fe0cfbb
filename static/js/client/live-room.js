/** One room for a program that shows it: its state, which changes as a whole, and its events as they come. */

import { createStore } from "../state/store.js";
import { tellEach } from "../tell-each.js";
import { stateOf } from "./room-states.js";

export class LiveRoom {
  #store;
  #leave;
  #events = new Set();
  #errors = new Set();

  /**
   * @param {object} hub
   * @param {string} name
   * @param {{token?: string, store?: object}} options token: a capability for the room. store: where its state is kept.
   */
  constructor(hub, name, { token, store = newStore(name) } = {}) {
    this.name = name;
    this.#store = store;
    this.#leave = hub.room(name, {
      token,
      onSnapshot: (snapshot, events) => store.dispatch({ type: "snapshot", snapshot, events }),
      onEvent: (event) => this.#happened(event),
      onError: (error) => this.#failed(error),
    });
  }

  getSnapshot() {
    return this.#store.state;
  }

  /** @param {() => void} changed called after each change. */
  subscribe(changed) {
    return this.#store.watch((state, before) => state !== before && changed());
  }

  /** @param {(event: object) => void} listener called with each event, after the state has changed. */
  onEvent(listener) {
    return added(this.#events, listener);
  }

  /** @param {(error: Error) => void} listener called when the room is refused: it is read no more. */
  onError(listener) {
    return added(this.#errors, listener);
  }

  close() {
    this.#leave();
  }

  #happened(event) {
    this.#store.dispatch({ type: "event", event });
    tellEach(this.#events, event);
  }

  #failed(error) {
    this.#store.dispatch({ type: "failed", code: error.code });
    tellEach(this.#errors, error);
  }
}

function newStore(name) {
  const { reduce, initial } = stateOf(name);
  return createStore(reduce, initial);
}

function added(listeners, listener) {
  const own = (...said) => listener(...said); // the same function may listen twice
  listeners.add(own);
  return () => listeners.delete(own);
}
