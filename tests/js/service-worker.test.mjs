import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const ORIGIN = "https://tacos.test";
const read = (name) => readFileSync(new URL(`../../static/${name}`, import.meta.url), "utf8").replace("__VERSION__", "v2");

/** A service worker in a browser of maps: `fire` runs an event to its end. */
function worker(name, { root = "/", fetched = async () => new Response("fresh"), windows = [] } = {}) {
  const listeners = {};
  const stores = new Map();
  const told = { fetches: [], skipped: 0, unregistered: 0, opened: [], shown: [] };
  const keyOf = (what) => new URL(what.url ?? what, ORIGIN).href;
  const fetch = async (what) => {
    told.fetches.push(keyOf(what));
    return fetched(keyOf(what));
  };
  const open = async (cacheName) => {
    if (!stores.has(cacheName)) stores.set(cacheName, new Map());
    const store = stores.get(cacheName);
    return {
      match: async (what) => store.get(keyOf(what))?.clone(),
      put: async (what, response) => void store.set(keyOf(what), response),
      add: async (what) => void store.set(keyOf(what), await fetch(what)),
      addAll: async (all) => { for (const one of all) store.set(keyOf(one), await fetch(one)); },
    };
  };
  const self = {
    location: new URL(`${ORIGIN}${root}sw.js`),
    navigator: { languages: ["en-GB"] },
    addEventListener: (type, listener) => (listeners[type] = listener),
    skipWaiting: async () => void told.skipped++,
    clients: {
      claim: async () => {},
      matchAll: async () => windows,
      openWindow: async (url) => void told.opened.push(url),
    },
    registration: {
      unregister: async () => void told.unregistered++,
      showNotification: async (title, { data }) => void told.shown.push([title, data.url]),
    },
  };
  const caches = {
    open,
    keys: async () => [...stores.keys()],
    delete: async (cacheName) => stores.delete(cacheName),
    match: async (what) => [...stores.values()].map((store) => store.get(keyOf(what))).find(Boolean)?.clone(),
  };
  vm.runInNewContext(read(name), { self, caches, fetch, URL, Response, setTimeout, Promise });
  const fire = async (type, event = {}) => {
    const waits = [];
    let answer;
    listeners[type]?.({ ...event, waitUntil: (wait) => waits.push(wait), respondWith: (given) => (answer = given) });
    await Promise.all(waits);
    return answer;
  };
  const navigate = (path) => fire("fetch", { request: { url: ORIGIN + path, method: "GET", mode: "navigate" } });
  return { stores, told, fire, navigate };
}

const shell = (version) => new Response("<p>shell", { headers: { "Comanda-Version": version, "Content-Type": "text/html" } });
const noLine = async () => { throw new TypeError("no line"); };

test("a version takes over: its files are there, older ones are gone, those of another site on this host stay", async () => {
  const { stores, told, fire } = worker("sw.js");
  for (const name of ["comanda/v1", "comanda/tacos/v1", "other"]) stores.set(name, new Map());
  await fire("install");
  await fire("activate");
  assert.deepEqual([...stores.keys()].sort(), ["comanda/tacos/v1", "comanda/v2", "other"]);
  assert.equal(told.skipped, 1);
  assert.ok(stores.get("comanda/v2").has(`${ORIGIN}/static/offline.en.html?v=v2`));
});

test("a page is kept without whose page it is, and shown when there is no line", async () => {
  let isThere = true;
  const { stores, told, fire, navigate } = worker("sw.js", { fetched: async () => (isThere ? shell("v2") : noLine()) });
  await fire("message", { data: { page: "/t/PED1.secret", files: [`${ORIGIN}/static/js/a.js?v=v2`, `${ORIGIN}/api/orders/PED1`, `${ORIGIN}/static/js/b.js?v=v1`] } });
  assert.deepEqual([...stores.get("comanda/v2").keys()].sort(), [`${ORIGIN}/static/js/a.js?v=v2`, `${ORIGIN}/t/_`]);
  assert.ok(!told.fetches.some((url) => url.includes("secret")));
  isThere = false;
  assert.equal(await (await navigate("/t/PED2.other")).text(), "<p>shell");
});

test("a page of another version is not kept beside files of this one", async () => {
  const { stores, fire } = worker("sw.js", { fetched: async () => shell("v3") });
  await fire("message", { data: { page: "/kitchen", files: [] } });
  assert.equal(stores.get("comanda/v2").size, 0);
});

test("without a line and without a kept page there is one of ours, with the site's beginning filled in", async () => {
  let isThere = true;
  const { fire, navigate } = worker("sw.js", {
    root: "/tacos/", fetched: async () => (isThere ? new Response('<link href="{{root}}static/css/base.css">') : noLine()),
  });
  await fire("install");
  isThere = false;
  const answer = await navigate("/tacos/manager");
  assert.equal(answer.status, 503);
  assert.equal(await answer.text(), '<link href="/tacos/static/css/base.css">');
});

test("a proxy without a hub counts as no line, and the hub's own refusal is shown", async () => {
  let refusal = new Response("{}", { status: 503, headers: { "Content-Type": "application/json" } });
  const { fire, navigate } = worker("sw.js", { fetched: async () => refusal.clone() });
  const cached = shell("v2");
  refusal = cached;
  await fire("message", { data: { page: "/kitchen" } });
  refusal = new Response("{}", { status: 503, headers: { "Content-Type": "application/json" } });
  assert.equal((await navigate("/kitchen")).status, 200);
  refusal = new Response("<p>no hub", { status: 503, headers: { "Content-Type": "text/html" } });
  assert.equal((await navigate("/kitchen")).status, 200);
  for (const status of [429, 503]) {
    refusal = new Response("<p>slow down", { status, headers: { "Content-Type": "text/html", "Comanda-Version": "v2" } });
    assert.equal((await navigate("/kitchen")).status, status);
  }
});

test("answers of the API are the hub's alone", async () => {
  const { fire } = worker("sw.js");
  const request = (path, more = {}) => ({ request: { url: ORIGIN + path, method: "GET", mode: "cors", ...more } });
  assert.equal(await fire("fetch", request("/api/orders/PED1")), undefined);
  assert.equal(await fire("fetch", request("/socket.io/?EIO=4")), undefined);
  assert.equal(await fire("fetch", request("/static/js/a.js?v=v2", { method: "POST" })), undefined);
  assert.equal(await fire("fetch", request("/static/i18n/en.json")), undefined);
  assert.ok(await fire("fetch", request("/static/js/a.js?v=v2")));
});

test("a service worker that is switched off takes its caches and itself away", async () => {
  const { stores, told, fire } = worker("sw-removal.js");
  for (const name of ["comanda/v1", "comanda/v2", "comanda/tacos/v1", "other"]) stores.set(name, new Map());
  await fire("install");
  await fire("activate");
  assert.deepEqual([...stores.keys()], ["comanda/tacos/v1", "other"]);
  assert.equal(told.unregistered, 1);
});

const unseen = { json: () => ({ web_push: 8030, notification: { title: "Pedido sin ver", navigate: "/kitchen" } }) };

test("an unseen order is shown to whoever looks at another page, and not over the board, which rings by itself", async () => {
  for (const [open, count] of [["/", 1], ["/manager", 1], ["/kitchen", 0]]) {
    const { told, fire } = worker("sw.js", { windows: [{ visibilityState: "visible", url: ORIGIN + open }] });
    await fire("push", { data: unseen });
    assert.equal(told.shown.length, count, open);
  }
});

test("a tap on it opens the board, or goes to the one that is open", async () => {
  let focused = 0;
  const notification = { close: () => {}, data: { url: `${ORIGIN}/kitchen` } };
  const elsewhere = worker("sw.js", { windows: [{ url: `${ORIGIN}/manager`, focus: () => assert.fail("not the manager's page") }] });
  await elsewhere.fire("notificationclick", { notification });
  assert.deepEqual(elsewhere.told.opened, [`${ORIGIN}/kitchen`]);
  const open = worker("sw.js", { windows: [{ url: `${ORIGIN}/kitchen`, focus: () => focused++ }] });
  await open.fire("notificationclick", { notification });
  assert.deepEqual([open.told.opened, focused], [[], 1]);
});
