/** The chat with the taquería: opens it, keeps it over a reload, sends, stops. */

import { newId } from "./ids.js";
import { keep, kept } from "./keep.js";
import { readKeptRoom } from "./kept-room.js";
import { isChat, stoppable } from "./state/chat.js";
import { endOfWait } from "./wire/errors.js";
import { Keepsake } from "./wire/keepsake.js";

const KEY = "chat";
const GONE = new Set(["not_found", "unauthorized", "forbidden"]);

export class Conversation {
  #leave = null;
  #keepsake = null;
  #opening = null;

  /**
   * @param {() => string | null} orderToken the order the customer follows now, if any.
   * @param {(order: {code: string, token: string, url: string}) => boolean} onTracking the chat follows an order from here
   *   on; whether the page does so, too.
   */
  constructor(hub, store, orderToken, onTracking = () => false) {
    this.hub = hub;
    this.store = store;
    this.orderToken = orderToken;
    this.onTracking = onTracking;
    this.chat = kept(KEY, isKnownChat);
  }

  /** Whether there is a conversation to go on with. */
  get isKnown() {
    return Boolean(this.chat);
  }

  /** Enter the conversation, a new one if there is none or it was about another order. */
  async open() {
    if (this.chat && !this.#isStale()) {
      this.#join();
      return;
    }
    this.#opening ??= this.#openNew().finally(() => (this.#opening = null));
    await this.#opening;
  }

  /** @returns {Promise<void>} after the hub has it; a failure is in the outbox, to be sent again under the same id. */
  async send(text, command_id = newId()) {
    this.store.dispatch({ type: "sending", command_id, text });
    try {
      await this.open();
      const { chat_id, token } = this.chat;
      const { turn_id } = await this.hub.command("chat.send", { chat_id, token, text, command_id });
      this.store.dispatch({ type: "sent", turn_id });
    } catch (error) {
      if (!error.code) throw error;
      this.store.dispatch({ type: "not_sent", command_id, code: error.code, until: endOfWait(error) });
    }
  }

  async stop() {
    const turn_id = stoppable(this.store.state);
    if (!turn_id) return;
    const { chat_id, token } = this.chat;
    await this.hub.command("chat.stop", { chat_id, turn_id, token });
  }

  /** Have the hub forget all that was said; the chat goes on. Its room tells every page that shows it. */
  async forget() {
    const { chat_id, token } = this.chat;
    await this.hub.command("chat.forget", { chat_id, token });
  }

  #isStale() {
    const order = this.orderToken();
    return Boolean(order) && this.chat.order_token !== order && !stoppable(this.store.state) && this.store.state.outbox.length === 0;
  }

  async #openNew() {
    const order_token = this.orderToken();
    if (this.store.state.phase !== "live") this.store.dispatch({ type: "opening" });
    const opened = await this.hub.command("chat.open", order_token ? { order_token } : {}).catch((error) => {
      if (order_token && GONE.has(error.code)) return this.hub.command("chat.open", {}); // the order's link has expired
      throw error;
    });
    this.#forget();
    this.chat = { chat_id: opened.chat_id, token: opened.token, order_token: order_token ?? null };
    keep(KEY, this.chat);
    this.#join();
  }

  #join() {
    if (this.#leave) return;
    const { chat_id, token } = this.chat;
    const room = `chat:${chat_id}`;
    this.#keepsake = new Keepsake(room, { isSound: isChat });
    this.#leave = readKeptRoom(this.hub, room, this.store, {
      token,
      keepsake: this.#keepsake,
      onRestored: (state) => this.#sayAgain(state.outbox),
      onSnapshot: (snapshot) => this.store.dispatch({ type: "snapshot", snapshot }),
      onEvent: (event) => this.#happened(event),
      onError: (error) => this.#lost(error),
    });
  }

  #happened(event) {
    this.store.dispatch({ type: "event", event });
    if (event.type !== "chat.tracking_started") return;
    const { code, tracking } = event.data;
    if (!this.onTracking({ code, ...tracking })) return;
    this.chat = { ...this.chat, order_token: tracking.token }; // this very chat speaks of the order that the page shows
    keep(KEY, this.chat);
  }

  /** What a reload cut off before it was answered; under its own id it is said once, however often it is sent. */
  #sayAgain(outbox) {
    for (const { text, command_id, failed } of outbox) if (!failed) queueMicrotask(() => this.send(text, command_id));
  }

  #forget() {
    this.#leave?.();
    this.#leave = null;
    this.#keepsake?.forget();
  }

  #lost(error) {
    this.#forget();
    if (!GONE.has(error.code)) {
      this.store.dispatch({ type: "failed", code: error.code });
      return;
    }
    this.chat = null; // the hub no longer knows it: the next message opens another
    keep(KEY, null);
    this.store.dispatch({ type: "forget" });
  }
}

/** Whether this is a chat that can be entered again: it comes from the device's storage. */
export function isKnownChat(chat) {
  return typeof chat?.chat_id === "string" && typeof chat.token === "string";
}
