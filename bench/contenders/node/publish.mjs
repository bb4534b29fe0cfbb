// Publishes from a process of its own: node publish.mjs pubsub|streams REDIS_PORT ROOMS RATE SECONDS BURST
//
// As bench/contenders/pacing.py does; process.hrtime.bigint() is CLOCK_MONOTONIC, as the load client's clock.
import { createInterface } from "node:readline";
import { Emitter } from "@socket.io/redis-emitter";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";

const MOST_AT_ONCE = 256; // then Redis's answers are waited for: what is under way stays bounded
const MOST_WAITING_BYTES = 1 << 20; // for a subscriber, in Redis: flat out is as fast as the server listens
const STREAM_LENGTH = 1_000_000; // the 10,000 that are kept as it comes are trimmed before a server far behind reads them
const [kind, redisPort, ...numbers] = process.argv.slice(2);
const [rooms, rate, seconds, burst] = numbers.map(Number);
const redis = new Redis(Number(redisPort), "127.0.0.1");
// The streams adapter has no emitter: another server of the cluster says it, one that nobody is connected to.
const io = kind === "streams" ? new Server({ adapter: createAdapter(redis, { maxLen: STREAM_LENGTH }) }) : new Emitter(redis);
const pad = "x".repeat(150);

const now = () => Number(process.hrtime.bigint());
const pause = () => new Promise((resolve) => setTimeout(resolve, 1));
const publish = (number) =>
  io.to(`r${Math.floor(number / burst) % rooms}`).emit("order.preparing", {
    data: { sent: now(), status: "preparing", pad },
  });

// Redis answers in the order of the commands: once it has, all that was published before is in it.
const heard = async () => {
  while (Math.max(...(await waitingBytes())) > MOST_WAITING_BYTES) await pause();
};
const waitingBytes = async () => {
  const subscribers = await redis.call("CLIENT", "LIST", "TYPE", "PUBSUB");
  return [0, ...Array.from(subscribers.matchAll(/ omem=(\d+)/g), (found) => Number(found[1]))];
};

await redis.ping();
await new Promise((resolve) => createInterface({ input: process.stdin }).once("line", resolve));
const began = now();
const total = Math.floor(Math.round(rate * seconds) / burst) * burst;
let done = 0;
for (;;) {
  const passed = (now() - began) / 1e9;
  if (rate ? done >= total : passed > seconds) break;
  const due = rate ? Math.min(total, Math.floor(Math.floor(passed * rate) / burst) * burst) : done + MOST_AT_ONCE;
  if (due === done) await pause();
  while (done < due) {
    publish(done++);
    if (done % MOST_AT_ONCE === 0) await heard();
  }
}
await redis.ping();
console.log(JSON.stringify({ events: done, began_ns: began, ended_ns: now() }));
process.exit(0);
