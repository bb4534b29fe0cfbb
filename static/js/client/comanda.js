/** A hub for programs: rooms with a state that follows, commands that are carried out once. Browsers and Node.js. */

import { newId } from "../ids.js";
import { HubClock } from "../wire/clock.js";
import { Hub } from "../wire/hub.js";
import { LiveChat } from "./live-chat.js";
import { LiveRoom } from "./live-room.js";

// Commands that have the same effect when they are repeated, and refuse a command id. Others are learnt.
const WITHOUT_ID = ["chat.stop", "courier.report", "hub.ping", "room.join", "room.leave"];

export class Comanda {
  #hub;
  #clock = new HubClock();
  #rooms = new Map(); // name and token to {room, users}
  #withoutId = new Set(WITHOUT_ID);

  /**
   * @param {Function} io of socket.io-client
   * @param {string} url the hub's root
   * @param {{token?: string | (() => string | Promise<string>), onDenied?: (error: Error) => void, platform?: object}} options
   */
  constructor(io, url, { token, onDenied, platform } = {}) {
    const shown = typeof token === "function" ? token : () => token ?? null;
    this.#hub = new Hub({ io, url, token: shown, onDenied, platform, hubClock: this.#clock });
  }

  get status() {
    return this.#hub.state;
  }

  /** @param {(status: string) => void} listener called on change. */
  onStatus(listener) {
    let isFirst = true;
    const stop = this.#hub.watch((status) => isFirst || listener(status));
    isFirst = false;
    return stop;
  }

  /** The hub's time, in milliseconds: measure by it, for a device's clock may be wrong. */
  now() {
    return this.#clock.now();
  }

  /**
   * A room, read until it is closed. Several who ask for one room with the same token share it.
   *
   * @param {string} name
   * @param {{token?: string}} options
   */
  room(name, { token } = {}) {
    const key = JSON.stringify([name, token]);
    const shared = this.#rooms.get(key) ?? { room: new LiveRoom(this.#hub, name, { token }), users: 0 };
    this.#rooms.set(key, shared);
    shared.users++;
    return handle(shared.room, () => {
      if (--shared.users > 0) return;
      this.#rooms.delete(key);
      shared.room.close();
    });
  }

  /** @param {{orderToken?: string, resume?: {chat_id: string, token: string}}} options see LiveChat. */
  chat(options) {
    return new LiveChat(this.#hub, options);
  }

  /**
   * Send a command; it is repeated under its id while no answer comes, and carried out once.
   *
   * @param {{commandId?: string, timeoutMs?: number, signal?: AbortSignal}} options
   * @returns {Promise<object>} the data of the answer; rejects with a CommandError, or as `signal` says.
   */
  async command(name, payload = {}, { commandId, timeoutMs, signal } = {}) {
    const options = { deadline_ms: timeoutMs, signal };
    if (!commandId && this.#withoutId.has(name)) return abortable(this.#hub.command(name, payload, options), signal);
    try {
      const keyed = { command_id: commandId ?? newId(), ...payload };
      return await abortable(this.#hub.command(name, keyed, options), signal);
    } catch (error) {
      if (commandId || error.values?.field !== "command_id") throw error;
      this.#withoutId.add(name);
      return abortable(this.#hub.command(name, payload, options), signal);
    }
  }

  /** End the connection for good. */
  close() {
    this.#hub.close();
  }
}

/** One user's view of a shared room: what it listens to ends with it. */
function handle(room, closed) {
  const listening = new Set();
  const listen = (stop) => {
    listening.add(stop);
    return () => listening.delete(stop) && stop();
  };
  let isOpen = true;
  return {
    name: room.name,
    getSnapshot: () => room.getSnapshot(),
    subscribe: (changed) => listen(room.subscribe(changed)),
    onEvent: (listener) => listen(room.onEvent(listener)),
    onError: (listener) => listen(room.onError(listener)),
    close() {
      if (!isOpen) return;
      isOpen = false;
      for (const stop of listening) stop();
      closed();
    },
  };
}

/** As the promise, but rejects at once when the signal says so. */
function abortable(promise, signal) {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
