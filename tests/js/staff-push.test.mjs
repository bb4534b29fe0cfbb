/** Waking staff on a device: a renewal that is under way does not outlive a sign-out. */

import assert from "node:assert/strict";
import { test } from "node:test";

const ENDPOINT = "https://push.test/a";
const kept = new Map();
const asked = [];
globalThis.localStorage = {
  getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value), removeItem: (key) => kept.delete(key),
};
globalThis.location ??= { origin: "http://hub.test", pathname: "/kitchen" };
globalThis.document ??= { baseURI: "http://hub.test/" };
const keys = { p256dh: "p", auth: "a" };
const subscription = { endpoint: ENDPOINT, toJSON: () => ({ endpoint: ENDPOINT, keys }), unsubscribe: async () => asked.push("unsubscribe") };
const registration = { pushManager: { getSubscription: async () => subscription, subscribe: async () => subscription } };
const serviceWorker = { getRegistration: async () => registration, register: async () => registration, ready: Promise.resolve() };
Object.defineProperty(globalThis, "navigator", { value: { serviceWorker }, configurable: true });
globalThis.Notification = { requestPermission: async () => "granted" };
const { leaveWaking, settleWaking } = await import("../../static/js/wire/staff-push.js");

test("a renewal that the hub answers late begins nothing after a sign-out", async () => {
  const session = { token: "t", principal: { id: "carmen", roles: ["manager"] } };
  kept.set("comanda.woken", JSON.stringify({ person: "carmen", endpoint: ENDPOINT }));
  let answer;
  const later = new Promise((resolve) => (answer = resolve));
  const said = (data) => new Response(JSON.stringify({ ok: true, data }), { headers: { "Content-Type": "application/json" } });
  globalThis.fetch = async (path, { method = "GET" } = {}) => {
    asked.push(`${method} ${new URL(path, "http://hub.test").pathname}`);
    if (method === "GET") await later;
    return said({ key: "a key", unseen_s: 120 });
  };
  await settleWaking(session, "es");
  const left = leaveWaking(session);
  answer();
  await left;
  await new Promise((resume) => setImmediate(resume)); // what was still under way has ended
  assert.deepEqual(asked, ["GET /api/push/key", "DELETE /api/push/subscriptions", "unsubscribe"]);
  assert.equal(kept.has("comanda.woken"), false);
});
