// npm's socket.io-client, played by a test: it is told what to do on standard input, and tells on standard
// output what it hears, a line of JSON each.
//
// In:  {"do": "connect", "url", "options", "other"?: where it tries next, by turns} · {"do": "emit", "name", "args", "ack"?} · {"do": "close"}
// Out: {"connected": {"transport", "recovered"}} · {"refused": {"message", "data"}} · {"disconnected": reason}
//      {"upgraded": transport} · {"event": name, "args"} · {"ack": id, "args"}

import { createInterface } from "node:readline";
import { io } from "socket.io-client";

let socket;

const tell = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);

const transport = () => socket.io.engine.transport.name;

const actions = {
  connect({ url, options, other }) {
    socket = io(url, { ...options, forceNew: true });
    if (other) {
      socket.io.on("reconnect_attempt", (attempt) => {
        socket.io.uri = attempt % 2 ? other : url;
      });
    }
    socket.on("connect", () => {
      tell({ connected: { transport: transport(), recovered: socket.recovered } });
      socket.io.engine.once("upgrade", () => tell({ upgraded: transport() }));
    });
    socket.on("connect_error", ({ message, data }) => tell({ refused: { message, data: data ?? null } }));
    socket.on("disconnect", (reason) => tell({ disconnected: reason }));
    socket.onAny((event, ...args) => tell({ event, args }));
  },
  emit({ name, args, ack }) {
    const answered = ack === undefined ? [] : [(...answer) => tell({ ack, args: answer })];
    socket.emit(name, ...args, ...answered);
  },
  close() {
    socket?.close();
    process.exit(0);
  },
};

createInterface({ input: process.stdin })
  .on("line", (line) => {
    const asked = JSON.parse(line);
    actions[asked.do](asked);
  })
  .on("close", () => process.exit(0));
