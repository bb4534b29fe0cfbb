// Node's Socket.IO as its documentation sets it up: node server.mjs pubsub|streams REDIS_PORT PORT
import { createAdapter as createPubSubAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const [kind, redisPort, port] = process.argv.slice(2);
const connect = async () => createClient({ url: `redis://127.0.0.1:${redisPort}` }).on("error", console.error).connect();

const adapter =
  kind === "streams" ? createStreamsAdapter(await connect()) : createPubSubAdapter(await connect(), await connect());
const io = new Server({
  adapter,
  transports: ["websocket"],
  serveClient: false,
  ...(kind === "streams" ? { connectionStateRecovery: { maxDisconnectionDuration: 120_000 } } : {}),
});

// As large as an order's room: the order, its items, what happened so far.
const snapshot = { order: { id: "PED7K3Q9X", status: "received", items: Array(4).fill({ sku: "taco-pastor", name: "Taco al pastor", qty: 3, price: 2500, notes: "sin cebolla" }) }, history: "x".repeat(400) };

io.on("connection", (socket) => {
  socket.on("join", (room, answer) => {
    socket.join(room);
    answer({ ok: true, snapshot });
  });
});
io.listen(Number(port));
