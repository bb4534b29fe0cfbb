import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { currentSession, dropSession, requireRole, signIn, signOut } from "../../static/js/wire/session.js";

const manager = { token: "a.b.c", principal: { kind: "staff", name: "Carmen", roles: ["manager"] } };
const other = { token: "d.e.f", principal: { kind: "staff", name: "Chuy", roles: ["kitchen"] } };
let kept, asked, left, listeners;

function storage(map) {
  return {
    get length() { return map.size; },
    key: (index) => [...map.keys()][index],
    getItem: (key) => map.get(key) ?? null,
    setItem: (key, value) => map.set(key, value),
    removeItem: (key) => map.delete(key),
  };
}

beforeEach(() => {
  kept = new Map();
  [asked, left, listeners] = [[], [], {}];
  globalThis.localStorage = storage(kept);
  globalThis.sessionStorage = storage(new Map([["comanda.room.kitchen", "{}"]]));
  globalThis.fetch = async (path, init) => asked.push({ path, ...init });
  globalThis.location = { pathname: "/manager", search: "?day=2026-11-20", replace: (to) => left.push(to), reload: () => left.push("again") };
  globalThis.addEventListener = (name, listener) => ((listeners[name] ??= []).push(listener));
});

const otherTab = (key = "comanda.session") => listeners.storage.forEach((listener) => listener({ key }));

test("signing out ends the token at the hub, though the page is left at once", async () => {
  signIn(manager);
  await signOut(manager);
  assert.equal(currentSession(), null);
  assert.equal(sessionStorage.length, 0);
  const [{ path, method, keepalive, headers }] = asked;
  assert.deepEqual([path, method, keepalive, headers.Authorization], ["/api/logout", "POST", true, "Bearer a.b.c"]);
});

test("without a line one is signed out all the same", async () => {
  signIn(manager);
  globalThis.fetch = () => Promise.reject(new TypeError("no line"));
  await signOut(manager);
  assert.equal(currentSession(), null);
});

test("a device that is woken for a person is so no more when they sign out, before their token ends", async () => {
  const carmen = { ...manager, principal: { ...manager.principal, id: "carmen" } };
  const endpoint = "https://push.test/a";
  signIn(carmen);
  kept.set("comanda.woken", JSON.stringify({ person: "carmen", endpoint }));
  await signOut(carmen);
  assert.deepEqual(asked.map(({ path, method }) => [method, path]), [["DELETE", "/api/push/subscriptions"], ["POST", "/api/logout"]]);
  assert.deepEqual(JSON.parse(asked[0].body), { endpoint });
  assert.equal(kept.has("comanda.woken"), false);
});

test("what the device keeps for somebody else, or for nobody with an account, is not ended by a sign-out", async () => {
  kept.set("comanda.woken", JSON.stringify({ person: "chuy", endpoint: "https://push.test/a" }));
  await signOut(manager);
  assert.deepEqual(asked.map(({ path }) => path), ["/api/logout"]);
  assert.equal(kept.has("comanda.woken"), true);
});

test("a sign-out does not wait for a hub that says nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const carmen = { ...manager, principal: { ...manager.principal, id: "carmen" } };
  kept.set("comanda.woken", JSON.stringify({ person: "carmen", endpoint: "https://push.test/a" }));
  globalThis.fetch = (path) => (asked.push({ path }), path === "/api/logout" ? Promise.resolve() : new Promise(() => {}));
  const out = signOut(carmen);
  await Promise.resolve();
  t.mock.timers.tick(1000);
  await out;
  assert.deepEqual(asked.map(({ path }) => path), ["/api/push/subscriptions", "/api/logout"]);
});

test("a session that the hub refused is forgotten, and not the one that another tab has begun meanwhile", () => {
  signIn(other);
  dropSession(manager);
  assert.equal(currentSession().token, other.token);
  dropSession(other);
  assert.equal(currentSession(), null);
  assert.deepEqual(asked, []);
});

test("a sign-out in another tab ends this one", () => {
  signIn(manager);
  assert.deepEqual(requireRole(["manager"]), manager);
  otherTab("comanda.lang");
  otherTab();
  assert.deepEqual(left, []);
  kept.clear();
  otherTab();
  assert.deepEqual(left, ["/login?next=%2Fmanager%3Fday%3D2026-11-20"]);
  assert.equal(sessionStorage.length, 0);
});

test("a page whose browser has forgotten everything, or that was asleep meanwhile, is left as well", () => {
  signIn(manager);
  requireRole(["manager"]);
  kept.clear();
  otherTab(null);
  listeners.pageshow.forEach((listener) => listener({ persisted: true }));
  assert.equal(left.length, 2);
});

test("when somebody else signs in in another tab, this page begins anew as theirs", () => {
  signIn(manager);
  requireRole(["manager"]);
  signIn(other);
  otherTab();
  assert.deepEqual(left, ["again"]);
});

test("a session that the hub has ended ends in every tab, and a page that wants to say so itself stays", () => {
  let expired = 0;
  signIn(manager);
  requireRole(["manager"]);
  requireRole(["manager"], { onExpired: () => expired++ });
  dropSession(manager, "expired");
  otherTab();
  assert.deepEqual([left, expired], [["/login?next=%2Fmanager%3Fday%3D2026-11-20&reason=expired"], 1]);
});

test("somebody who signs out after that is not taken for a session that ended", () => {
  signIn(manager);
  dropSession(manager, "expired");
  signIn(manager);
  requireRole(["manager"], { onExpired: () => assert.fail("nobody was put out") });
  dropSession(manager);
  otherTab();
  assert.deepEqual(left, ["/login?next=%2Fmanager%3Fday%3D2026-11-20"]);
});
