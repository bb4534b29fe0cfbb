/**
 * The line to a hub: one Socket.IO connection, the rooms read over it, the commands sent over it.
 *
 * A lost connection comes back by itself. If the hub could restore it (`socket.recovered`) the missed
 * events simply arrive; otherwise every room is joined again from the last offset read in it. Until the last
 * of them has caught up, the line is said to be catching up: what the page shows may be old. A page that wakes asks the
 * hub for a sign of life, and does not show a dead connection as a live one.
 */

import { at } from "../root.js";
import { tellEach } from "../tell-each.js";
import { clock, monotonic } from "./clock.js";
import { CommandError } from "./errors.js";
import { Liveness } from "./liveness.js";
import { SharedRoom } from "./shared-room.js";
import { platformHere } from "./waking.js";

const ANSWER_MS = 8000;
const DEADLINE_MS = 20000;
const RETRY_MS = [500, 1000, 2000, 4000, 8000];
const RETRIED = new Set(["lost", "unavailable"]);

export class Hub {
  #rooms = new Map();
  #line = "connecting"; // of the connection alone; `state` is that of the rooms as well
  #watchers = new Set();
  #waiting = new Set();
  #isDenied = false;
  #isClosed = false;
  #clock;
  #platform;
  #unwatch;
  #liveness;
  #opened_at = monotonic(); // when the connection in use was opened

  /**
   * @param {{io: Function, token?: () => string | null | Promise<string | null>, onDenied?: (error: CommandError) => void,
   *          url?: string, platform?: object, hubClock?: object}} options
   *   url: the hub's root; without it, the hub that served the page. platform: see `platformHere`.
   *   hubClock: is told the hub's time; without it, the page's own.
   */
  constructor({ io, token = () => null, onDenied, url, platform = platformHere(), hubClock = clock }) {
    this.state = "connecting";
    this.welcome = null;
    this.isUnanswered = false; // true if the connection was given up because the hub did not answer in time
    this.onDenied = onDenied;
    this.#clock = hubClock;
    this.#platform = platform;
    this.socket = connection(io, url, {
      transports: ["websocket", "polling"],
      tryAllTransports: true,
      reconnectionDelay: 400,
      reconnectionDelayMax: 4000,
      timeout: ANSWER_MS,
      auth: (give) => showToken(token(), give),
    });
    this.#liveness = new Liveness({
      isConnected: () => this.socket.connected,
      isBusy: () => this.state === "catching_up",
      probe: (answered) => this.#probe(answered),
      renew: (wasAsked) => this.#renew(wasAsked),
    });
    this.#listen();
    this.#unwatch = platform.watchSleep({ woke: () => this.#liveness.check(), left: () => this.#rest(), offline: () => this.#lostNetwork() });
  }

  /** @param {(state: "connecting" | "catching_up" | "online" | "reconnecting" | "offline") => void} watcher called now and on change. */
  watch(watcher) {
    this.#watchers.add(watcher);
    watcher(this.state);
    return () => this.#watchers.delete(watcher);
  }

  /**
   * Read a room from now on, through every loss of the connection. Several may read one room: when another one begins, all
   * of them get a new snapshot, and the room is left with the last of them.
   *
   * @param {string} name
   * @param {{token?: string, after?: string, onSnapshot?: (snapshot: object, events: object[] | null) => void,
   *          onEvent?: (event: object) => void, onError?: (error: CommandError) => void,
   *          onPlace?: (cursor: string) => void}} reader
   *   after: the cursor of what the page shows already; onSnapshot replaces what was known, its events are the history
   *   so far (null: unknown, keep yours); onPlace is told how far the room has been read, after each step.
   * @returns {() => void} ends this reading of the room.
   */
  room(name, reader) {
    const reading = { ...reader }; // the same reader may read twice
    const room = this.#rooms.get(name) ?? this.#newRoom(name);
    const isFirst = room.isEmpty;
    room.add(reading);
    if (isFirst && this.socket.connected) room.membership.join();
    else this.#tell();
    return () => this.#leave(room, reading);
  }

  /**
   * Send a command; resolves with the ack's data. It waits out a lost connection and repeats itself while
   * no answer came, so a command must bear repeating: by its `command_id`, or by its nature.
   *
   * @param {{deadline_ms?: number, signal?: AbortSignal}} options signal: when it is aborted, nothing is sent any more.
   * @returns {Promise<object>} rejects with a CommandError.
   */
  async command(name, payload, { deadline_ms = DEADLINE_MS, signal } = {}) {
    const deadline = monotonic() + deadline_ms;
    for (let failures = 0; ; failures++) {
      signal?.throwIfAborted();
      try {
        await this.#connected(deadline);
        if (this.#isClosed) throw CommandError.closed();
        return await this.#send(name, payload);
      } catch (error) {
        const delay = retryDelay(error, failures);
        if (!RETRIED.has(error.code) || monotonic() + delay >= deadline) throw error;
        await new Promise((resume) => setTimeout(resume, delay));
      }
    }
  }

  /** End the connection for good; what waits for it fails with the code `closed`. */
  close() {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#unwatch?.();
    this.#liveness.settled();
    this.socket.disconnect();
    this.#become("offline");
    tellEach(this.#waiting);
  }

  /** Resolves when there is a connection. */
  connected() {
    return this.socket.connected ? Promise.resolve() : this.#connected(Infinity);
  }

  #newRoom(name) {
    const room = new SharedRoom(name, {
      join: (payload, answered) => this.#ask("room.join", payload, answered),
      later: (run, failures) => setTimeout(() => this.socket.connected && run(), backoff(failures)),
      isConnected: () => this.socket.connected,
      onPace: () => this.#tell(),
    });
    this.#rooms.set(name, room);
    return room;
  }

  #leave(room, reading) {
    if (room.isEmpty) return;
    room.remove(reading);
    if (!room.isEmpty) return;
    this.#rooms.delete(room.name);
    this.#tell();
    if (this.socket.connected) this.socket.emit("room.leave", { room: room.name }, () => {});
  }

  get #memberships() {
    return [...this.#rooms.values()].map((room) => room.membership);
  }

  #listen() {
    const { socket } = this;
    socket.on("connect", () => {
      this.isUnanswered = false;
      this.#liveness.settled();
      tellEach(this.#waiting);
      for (const member of this.#memberships) member.resume(socket.recovered);
      this.#become("online");
    });
    socket.on("disconnect", () => {
      this.#liveness.lost();
      for (const member of this.#memberships) member.suspend();
      if (this.#isClosed) return;
      this.#become(this.#lostState());
      if (!socket.active) setTimeout(() => socket.connect(), backoff(1)); // the hub said goodbye: it may be restarting
    });
    socket.on("connect_error", (error) => this.#refused(error));
    socket.io.on("open", () => (this.#opened_at = monotonic()));
    socket.onAny((type, event, cursor) => this.#arrived(type, event, cursor));
  }

  #probe(answered) {
    const asked_at = monotonic();
    this.socket.emit("hub.ping", {}, (answer) => {
      answered();
      this.#clock.learn(answer?.data?.at, asked_at);
      if (this.#line === "offline" && this.socket.connected) this.#become("online"); // whatever the browser says
    });
  }

  /** Close the connection without a disconnect packet, so that the hub keeps the session for its return. */
  #drop() {
    this.socket.io.disconnect();
  }

  /** Close the connection before the page enters the back/forward cache, which takes no page with an open one. */
  #rest() {
    this.#liveness.settled();
    this.#drop();
  }

  #renew(wasAsked) {
    if (this.#isDenied || this.#isClosed) return;
    this.isUnanswered ||= wasAsked;
    this.#drop();
    this.socket.connect();
  }

  /** Say that there is no network, and test the connection: a hub on this machine still answers. */
  #lostNetwork() {
    this.#become("offline");
    this.#liveness.check();
  }

  #refused(error) {
    const code = error.data?.code ?? error.data?.error?.code ?? error.message;
    if (code === "unauthorized" || code === "forbidden") {
      this.#isDenied = true;
      this.#become("offline");
      this.onDenied?.(new CommandError({ code }));
      return;
    }
    this.#become(this.#lostState());
    if (!this.socket.active && !this.#isClosed) setTimeout(() => this.socket.connect(), backoff(2));
  }

  #arrived(type, event, cursor) {
    if (type === "hub.welcome") {
      this.welcome = event;
      this.#clock.learn(event.at, this.#opened_at);
      return;
    }
    this.#rooms.get(event?.room)?.membership.receive(event, cursor);
  }

  #ask(name, payload, answered) {
    this.socket.timeout(ANSWER_MS).emit(name, payload, (lost, answer) => {
      if (lost) answered(CommandError.lost());
      else if (!answer?.ok) answered(CommandError.from(answer));
      else answered(null, answer.data);
    });
  }

  #send(name, payload) {
    return new Promise((resolve, reject) => {
      this.#ask(name, payload, (error, data) => (error ? reject(error) : resolve(data)));
    });
  }

  #connected(deadline) {
    if (this.socket.connected || this.#isClosed) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (done) => () => {
        clearTimeout(timer);
        this.#waiting.delete(release);
        done();
      };
      const release = settle(resolve);
      const wait_ms = Math.max(0, deadline - monotonic());
      const timer = wait_ms === Infinity ? null : setTimeout(settle(() => reject(CommandError.lost())), wait_ms);
      this.#waiting.add(release);
    });
  }

  #lostState() {
    return this.#platform.isOffline() ? "offline" : "reconnecting";
  }

  #become(line) {
    this.#line = line;
    this.#tell();
  }

  #tell() {
    const state = lineState(this.#line, this.#memberships);
    if (state === this.state) return;
    this.state = state;
    tellEach(this.#watchers, state);
  }
}

/** What a reader is to know of the line: one that connects for the first time with old news to show is behind with them. */
export function lineState(line, rooms) {
  if (line === "online") return rooms.some((room) => room.isBehind) ? "catching_up" : "online";
  return line === "connecting" && rooms.some((room) => room.hasPlace) ? "catching_up" : line;
}

/** A connection to the hub that served the page, or to another one, which may lie below a path of its host. */
function connection(io, url, options) {
  if (url === undefined) return io({ path: at("/socket.io/"), ...options });
  const { origin, pathname } = new URL(url);
  return io(origin, { path: `${pathname.replace(/\/$/, "")}/socket.io/`, ...options });
}

/** @param {string | null | Promise<string | null>} token one that fails is shown as none: the hub says what that opens. */
function showToken(token, give) {
  const show = (text) => give(text ? { token: text } : {});
  if (typeof token?.then === "function") token.then(show, () => show(null));
  else show(token);
}

/** How long to wait before the same is asked again, in milliseconds. */
export function retryDelay(error, failures) {
  return error.retry_after_s ? error.retry_after_s * 1000 : backoff(failures);
}

function backoff(failures) {
  const base = RETRY_MS[Math.min(failures, RETRY_MS.length - 1)];
  return base * (0.75 + Math.random() / 2);
}
