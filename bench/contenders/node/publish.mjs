// Publishes from a process of its own: node publish.mjs pubsub|streams REDIS_PORT ROOMS RATE SECONDS BURST
import { createInterface } from "node:readline";
import { Emitter } from "@socket.io/redis-emitter";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const MOST_AT_ONCE = 512; // then Redis's answer is waited for
const [kind, redisPort, ...numbers] = process.argv.slice(2);
const [rooms, rate, seconds, burst] = numbers.map(Number);
const redis = await createClient({ url: `redis://127.0.0.1:${redisPort}` }).connect();
// The streams adapter has no emitter: another server of the cluster says it, one that nobody is connected to.
const io = kind === "streams" ? new Server({ adapter: createAdapter(redis) }) : new Emitter(redis);
const pad = "x".repeat(150);

const now = () => Number(process.hrtime.bigint());
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const publish = (number) =>
  io.to(`r${Math.floor(number / burst) % rooms}`).emit("order.preparing", {
    data: { sent: now(), status: "preparing", pad },
  });

await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
const began = now();
const total = Math.floor(Math.round(rate * seconds) / burst) * burst;
let done = 0;
for (;;) {
  const passed = (now() - began) / 1e9;
  if (rate ? done >= total : passed > seconds) break;
  const due = rate ? Math.min(total, Math.floor(Math.floor(passed * rate) / burst) * burst) : done + MOST_AT_ONCE;
  if (due === done) await pause(1);
  while (done < due) {
    publish(done++);
    if (done % MOST_AT_ONCE === 0) await redis.ping();
  }
}
await redis.ping();
console.log(JSON.stringify({ events: done, began_ns: began, ended_ns: now() }));
process.exit(0);
