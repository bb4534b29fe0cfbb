import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { pushAbility, tellThisDevice } from "../../static/js/wire/push.js";

const IPHONE = { userAgent: "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)", maxTouchPoints: 5 };
const DESK = { userAgent: "Mozilla/5.0 (X11; Linux x86_64)", maxTouchPoints: 0 };
const matchMedia = () => ({ matches: false });
const able = { navigator: { ...DESK, serviceWorker: {} }, Notification: { permission: "default" }, PushManager: {}, matchMedia, isSecureContext: true };

test("what a device lacks has one name, and plain http comes before all else", () => {
  assert.equal(pushAbility(able), "able");
  assert.equal(pushAbility({ ...able, Notification: { permission: "denied" } }), "refused");
  assert.equal(pushAbility({ navigator: IPHONE, matchMedia, isSecureContext: true }), "home_screen");
  assert.equal(pushAbility({ navigator: DESK, matchMedia, isSecureContext: true }), "unable");
  for (const navigator of [IPHONE, DESK]) assert.equal(pushAbility({ navigator, matchMedia, isSecureContext: false }), "insecure");
});

const before = Object.fromEntries(["Notification", "navigator", "fetch"].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]));
const give = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
let asked, unsubscribed, failure;

beforeEach(() => {
  [asked, unsubscribed, failure] = [[], 0, null];
  const subscription = {
    toJSON: () => ({ endpoint: "https://push.test/a", keys: { p256dh: "p", auth: "a" } }),
    unsubscribe: async () => void unsubscribed++,
  };
  const pushManager = {
    getSubscription: async () => subscription,
    subscribe: async () => {
      const thrown = failure;
      failure = null;
      if (thrown) throw thrown;
      return subscription;
    },
  };
  give("Notification", { requestPermission: async () => "granted" });
  give("navigator", { serviceWorker: { register: async () => ({ pushManager }), ready: Promise.resolve() } });
  give("fetch", async (path, { body }) => {
    asked.push([path, JSON.parse(body)]);
    return new Response('{"ok":true,"data":{}}');
  });
});
afterEach(() => {
  for (const [name, descriptor] of Object.entries(before)) {
    if (descriptor) Object.defineProperty(globalThis, name, descriptor);
    else delete globalThis[name];
  }
});

test("a subscription with a key that the hub no longer has is replaced", async () => {
  failure = Object.assign(new Error("another key"), { name: "InvalidStateError" });
  assert.equal(await tellThisDevice({ key: "k", token: "t", lang: "es", isStaff: true }), "https://push.test/a");
  assert.equal(unsubscribed, 1);
  assert.deepEqual(asked.map(([path]) => path), ["/api/push/subscriptions"]);
});

test("any other failure is the caller's to tell, and nothing is said to the hub", async () => {
  failure = Object.assign(new Error("no service"), { name: "AbortError" });
  await assert.rejects(tellThisDevice({ key: "k", token: "t", lang: "es" }), { name: "AbortError" });
  assert.deepEqual([unsubscribed, asked], [0, []]);
});
