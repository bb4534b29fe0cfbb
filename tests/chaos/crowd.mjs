// Hundreds of npm's socket.io-client and of EventSources in one process, told what to do on standard input, a line of JSON each;
// each line is answered with one that carries its `id`.
//
// In:  {"id", "do": "open", "clients": [{"name", "urls", "first", "auth", "rooms": [{"room", "token"?}], "after",
//                                  "kind": "websocket" | "polling" | "upgrade" | "sse"}]}
//      {"id", "do": "reach", "heads": {room: offset}, "within_ms"}   all connected, and this far in their rooms
//      {"id", "do": "dump", "path"}                                  the records since the last dump; see record.py
//      {"id", "do": "cut", "names"?}                                 the connections break as a train goes into a tunnel
//      {"id", "do": "status"} · {"id", "do": "close"}
//
// Recovery is left to the library. A client that was not recovered enters its rooms anew; with `after`, from the last
// cursor it saw in each. It comes back to the next of its addresses. An EventSource (Node's own, behind its flag
// --experimental-eventsource) reads the first of its rooms at the first of its addresses, and comes back by itself or not
// at all.

import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { io } from "socket.io-client";

const LOOK_MS = 20;
const STEADY_LOOKS = 10;
const RETRY_MS = 300;
const TRANSPORTS = { websocket: ["websocket"], polling: ["polling"], upgrade: ["polling", "websocket"] };
const STREAMED = ["promo.published", "room.reset"]; // an EventSource hears what it is told to listen for

const clients = new Map();

const isOrder = (room) => room.startsWith("order:");
const offsetOf = (cursor) => Number(cursor.slice(cursor.lastIndexOf("-") + 1));
const epochOf = (cursor) => cursor.slice(0, cursor.lastIndexOf("-"));
const entryOf = (event, cursor) => [
  event.room,
  event.offset,
  event.prev,
  event.type,
  cursor,
  isOrder(event.room) ? event : null,
];

class Recorder {
  constructor({ name, urls, first, rooms }) {
    Object.assign(this, { name, urls, turn: first, rooms });
    this.log = [];
    this.at = new Map(); // room: cursor
    this.volatile = 0;
    this.downAt = null;
    this.whole = false;
  }

  down(reason) {
    this.whole = false;
    this.downAt ??= Date.now();
    this.log.push(["down", Date.now(), reason]);
  }

  nowWhole() {
    this.whole = true;
    this.log.push(["whole", Date.now(), this.downAt === null ? null : Date.now() - this.downAt]);
    this.downAt = null;
  }

  hear(type, args) {
    const [event, cursor] = args;
    if (type === "hub.welcome") return;
    if (type === "room.reset") {
      const { room, data } = event;
      this.log.push(["reset", room, data.cursor, isOrder(room) ? data.snapshot : {}]);
      this.at.set(room, data.cursor);
    } else if (event.offset === undefined) {
      this.volatile += 1;
    } else {
      this.log.push(["seen", ...entryOf(event, cursor)]);
      this.at.set(event.room, `${epochOf(cursor)}-${event.offset}`);
    }
  }

  // What it still lacks, in words; undefined: nothing.
  lacks(heads) {
    if (!this.whole) return `${this.name} is not back`;
    for (const { room } of this.rooms) {
      const at = this.at.get(room);
      if (heads[room] && (!at || offsetOf(at) < heads[room])) return `${this.name} has ${room} up to ${at}`;
    }
    return undefined;
  }

  take() {
    const told = { client: this.name, volatile: this.volatile, entries: this.log };
    this.log = [];
    this.volatile = 0;
    return told;
  }
}

class Stream extends Recorder {
  constructor({ rooms: [{ room, token }], ...rest }) {
    super({ ...rest, rooms: [{ room, token }] });
    const query = token ? `?token=${token}` : "";
    this.source = new EventSource(`${this.urls[this.turn]}/api/rooms/${room}/events${query}`);
    this.source.onerror = () => this.lost();
    for (const type of STREAMED) this.source.addEventListener(type, (message) => this.arrived(type, message));
  }

  // An answer that only says when to come back is none: it is back with its first event.
  arrived(type, { data, lastEventId }) {
    const returned = !this.whole && this.at.size > 0 && type !== "room.reset";
    if (!this.whole) this.log.push(["up", Date.now(), returned]);
    this.hear(type, [JSON.parse(data), lastEventId]);
    if (!this.whole) this.nowWhole();
  }

  lost() {
    const ended = this.source.readyState === EventSource.CLOSED;
    if (ended) this.log.push(["refused", Date.now(), this.rooms[0].room, "closed for good"]);
    if (this.whole || ended) this.down(ended ? "closed for good" : "lost");
  }

  get transport() {
    return "sse";
  }

  cut() {} // nothing reaches its connection

  close() {
    this.source.close();
  }
}

class Client extends Recorder {
  constructor({ auth, after, kind, ...rest }) {
    super(rest);
    this.after = after;
    this.socket = io(this.urls[this.turn], { auth, transports: TRANSPORTS[kind], forceNew: true });
    this.socket.io.on("reconnect_attempt", () => this.turnToTheNext());
    this.socket.on("connect", () => this.up());
    this.socket.on("disconnect", (reason) => this.down(reason));
    this.socket.on("connect_error", (error) => {
      if (error.data) this.log.push(["refused", Date.now(), "", error.data.code]);
    });
    this.socket.onAny((type, ...args) => this.hear(type, args));
  }

  turnToTheNext() {
    this.turn += 1;
    this.socket.io.uri = this.urls[this.turn % this.urls.length];
  }

  up() {
    this.log.push(["up", Date.now(), Boolean(this.socket.recovered)]);
    if (this.socket.recovered) this.nowWhole();
    else this.enterAll(this.socket.id);
  }

  enterAll(sid) {
    let left = this.rooms.length;
    for (const room of this.rooms) this.enter(sid, room, () => (left -= 1) || this.nowWhole());
    if (!left) this.nowWhole();
  }

  enter(sid, { room, token }, done) {
    const asked = { room, token };
    if (this.after && this.at.has(room)) asked.after = this.at.get(room);
    this.socket.emit("room.join", asked, (answer) => {
      if (this.socket.id !== sid) return; // of a connection that is gone
      if (answer.ok) {
        this.entered(answer.data);
        done();
      } else {
        this.log.push(["refused", Date.now(), room, answer.error.code]);
        if (!answer.error.retryable) return;
        setTimeout(() => this.socket.id === sid && this.enter(sid, { room, token }, done), RETRY_MS);
      }
    });
  }

  entered({ room, cursor, recovered, events, snapshot }) {
    const epoch = epochOf(cursor);
    const seen = events.map((event) => entryOf(event, `${epoch}-${event.offset}`));
    this.log.push(["entered", room, cursor, recovered, seen, isOrder(room) ? snapshot : {}]);
    this.at.set(room, cursor);
  }

  get transport() {
    return this.socket.io.engine?.transport?.name;
  }

  cut() {
    this.socket.io.engine?.transport?.ws?.terminate?.();
  }

  close() {
    this.socket.close();
  }
}

const every = () => [...clients.values()];

function reach({ heads, within_ms }, answer) {
  const until = Date.now() + within_ms;
  let steady = 0; // a connection that broke just now is noticed a moment later
  const look = () => {
    const lacking = every()
      .map((client) => client.lacks(heads))
      .filter(Boolean);
    steady = lacking.length ? 0 : steady + 1;
    if (steady < STEADY_LOOKS && Date.now() < until) return setTimeout(look, LOOK_MS);
    return answer({ lacking: lacking.length, such_as: lacking.slice(0, 10) });
  };
  look();
}

const actions = {
  open({ clients: wanted }, answer) {
    for (const each of wanted) clients.set(each.name, each.kind === "sse" ? new Stream(each) : new Client(each));
    answer({});
  },
  reach,
  dump({ path }, answer) {
    writeFileSync(path, every().map((client) => JSON.stringify(client.take())).join("\n"));
    answer({});
  },
  cut({ names }, answer) {
    for (const client of every()) {
      if (!names || names.includes(client.name)) client.cut();
    }
    answer({});
  },
  status(_asked, answer) {
    const transports = {};
    for (const { transport } of every()) transports[transport] = (transports[transport] ?? 0) + 1;
    answer({ whole: every().filter((client) => client.whole).length, all: clients.size, transports });
  },
  close(_asked, answer) {
    for (const client of every()) client.close();
    answer({});
    process.stdin.destroy();
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const asked = JSON.parse(line);
    actions[asked.do](asked, (said) => process.stdout.write(`${JSON.stringify({ id: asked.id, ...said })}\n`));
  })
  .on("close", () => process.exit(0));
