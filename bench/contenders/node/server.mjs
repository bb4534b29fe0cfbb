// Node's Socket.IO, set up and tuned as its documentation says: node server.mjs pubsub|streams REDIS_PORT PORT
//
// `ws` with bufferutil is the engine; eiows, which the documentation names as well, is a fork that npm has to compile.
// ioredis, because the documentation warns of the other client's lost subscriptions, and because it is the faster one:
// level with it on pub/sub, up to 1.4 times the deliveries a CPU second on streams.
import { createServer } from "node:http";
import { createAdapter as createPubSubAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const HOST = "127.0.0.1";
const KEPT_MS = 120_000; // how long a session may be away

const [kind, redisPort, port] = process.argv.slice(2);
const redis = new Redis(Number(redisPort), HOST);
const adapter = kind === "streams" ? createStreamsAdapter(redis) : createPubSubAdapter(redis, redis.duplicate());
const recovery = kind === "streams" ? { connectionStateRecovery: { maxDisconnectionDuration: KEPT_MS } } : {};

// About as long as an order's room gives: the order, and what happened so far.
const item = { sku: "taco-pastor", name: "Taco al pastor", qty: 3, price: 2500, notes: "sin cebolla" };
const order = { id: "PED7K3Q9X", status: "received", items: Array(4).fill(item) };
const snapshot = { order, history: "x".repeat(400) };

const http = createServer();
const io = new Server(http, { adapter, transports: ["websocket"], serveClient: false, ...recovery });
io.engine.on("connection", (connection) => {
  connection.request = null; // "discard the initial HTTP request": memory
});
io.on("connection", (socket) => {
  socket.on("join", async (room, answer) => {
    await socket.join(room);
    answer({ ok: true, snapshot });
  });
});
http.listen(Number(port), HOST);
