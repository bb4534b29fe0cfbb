/** A conversation with the taquería, for a program that shows it: opened when something is said, or gone on with. */

import { newId } from "../ids.js";
import { chatReducer, initialChat, stoppable } from "../state/chat.js";
import { createStore } from "../state/store.js";
import { endOfWait } from "../wire/errors.js";
import { LiveRoom } from "./live-room.js";

export class LiveChat {
  #hub;
  #orderToken;
  #store = createStore(chatReducer, initialChat);
  #room = null;
  #opening = null;
  #isClosed = false;

  /**
   * @param {object} hub
   * @param {{orderToken?: string, resume?: {chat_id: string, token: string}}} options orderToken: of the order that it is
   *   about. resume: what `ref` was.
   */
  constructor(hub, { orderToken, resume } = {}) {
    this.#hub = hub;
    this.#orderToken = orderToken;
    this.ref = null; // {chat_id, token}: keep it to go on later
    if (resume) this.#enter(resume);
  }

  getSnapshot() {
    return this.#store.state;
  }

  /** @param {() => void} changed called after each change. */
  subscribe(changed) {
    return this.#store.watch((state, before) => state !== before && changed());
  }

  /**
   * Say something. What failed stays in the state's `outbox`, and can be sent again under its own id.
   *
   * @returns {Promise<void>} after the hub has it.
   */
  async send(text, command_id = newId()) {
    this.#store.dispatch({ type: "sending", command_id, text });
    try {
      const { chat_id, token } = await this.#opened();
      const { turn_id } = await this.#hub.command("chat.send", { chat_id, token, text, command_id });
      this.#store.dispatch({ type: "sent", turn_id });
    } catch (error) {
      if (error.code) this.#store.dispatch({ type: "not_sent", command_id, code: error.code, until: endOfWait(error) });
      throw error;
    }
  }

  /** Stop the answer that is being made. */
  async stop() {
    const turn_id = stoppable(this.#store.state);
    if (turn_id) await this.#hub.command("chat.stop", { ...this.ref, turn_id });
  }

  close() {
    this.#isClosed = true;
    this.#room?.close();
  }

  #opened() {
    if (this.ref) return this.ref;
    this.#opening ??= this.#open().finally(() => (this.#opening = null));
    return this.#opening;
  }

  async #open() {
    this.#store.dispatch({ type: "opening" });
    const payload = { command_id: newId(), ...(this.#orderToken && { order_token: this.#orderToken }) };
    const { chat_id, token } = await this.#hub.command("chat.open", payload);
    this.#enter({ chat_id, token });
    return this.ref;
  }

  #enter(ref) {
    this.ref = ref;
    if (this.#isClosed) return;
    this.#room = new LiveRoom(this.#hub, `chat:${ref.chat_id}`, { token: ref.token, store: this.#store });
  }
}
