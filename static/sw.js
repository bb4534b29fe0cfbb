/**
 * The service worker: a reload without a line shows the page, with what its tab kept, and not the browser's error. It keeps
 * files that are the same for everybody, and the bare pages; never an answer of the API, never an address with a token.
 *
 * Each version of the site has a cache of its own. A page of another version is passed on from the hub and not kept.
 */

const VERSION = "__VERSION__";
const ROOT = new URL("./", self.location).pathname;
const CACHES = `comanda${ROOT}`;
const CACHE = CACHES + VERSION;
const SLOW_MS = 300; // a line that takes longer is as good as none, if the page is here: it connects as soon as there is one
const SHELLS = [[/^$/, ""], [/^t\/[^/]+$/, "t/_"], [/^(?:kitchen|manager|support|login)$/, null]];
const LANGS = ["es", "en"];
const OFFLINE = [
  ...LANGS.map((lang) => `offline.${lang}.html`), "css/base.css", "css/brand.css", "css/error.css", "js/error.js",
].map((path) => `${ROOT}static/${path}?v=${VERSION}`);
const PICTURES = ["favicon.svg", "img/wordmark.svg", "img/papel-picado.svg"].map((path) => `${ROOT}static/${path}`);

self.addEventListener("install", (event) => event.waitUntil(install()));
self.addEventListener("activate", (event) => event.waitUntil(takeOver()));
self.addEventListener("message", (event) => event.waitUntil(keep(event.data ?? {})));
self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== "GET" || url.origin !== self.location.origin || !url.pathname.startsWith(ROOT)) return;
  if (request.mode === "navigate") event.respondWith(page(request, url));
  else if (isKept(url)) event.respondWith(file(request));
});

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll([...OFFLINE, ...PICTURES]);
  await self.skipWaiting(); // a page has all of its modules at once: nothing of this version meets them
}

async function takeOver() {
  const isOld = (name) => name.startsWith(CACHES) && !name.slice(CACHES.length).includes("/") && name !== CACHE;
  await Promise.all((await caches.keys()).filter(isOld).map((name) => caches.delete(name)));
  await self.clients.claim();
}

/** Keep the bare page, and what it has loaded: it was there before this worker was. */
async function keep({ page: path, files = [] }) {
  const cache = await caches.open(CACHE);
  const wanted = files.map((file) => new URL(file, self.location)).filter((url) => url.origin === self.location.origin && isKept(url));
  const shell = shellOf(path ?? "");
  await Promise.allSettled([
    ...wanted.map(async (url) => (await cache.match(url)) ?? cache.add(url)),
    shell !== null && fetch(shell, { headers: { Accept: "text/html" } }).then((response) => keepShell(cache, shell, response)),
  ]);
}

async function keepShell(cache, shell, response) {
  if (response.ok && response.headers.get("Comanda-Version") === VERSION) await cache.put(shell, response);
}

/** The hub's page, while it comes in time; else the one that was kept; else a page of ours that says what is wrong. */
async function page(request, url) {
  const shell = shellOf(url.pathname);
  const kept = shell === null ? undefined : await (await caches.open(CACHE)).match(shell);
  const fromHub = fetch(request).then((response) => (isAway(response) ? null : response)).catch(() => null);
  if (!kept) return (await fromHub) ?? offline();
  const tooLate = new Promise((resolve) => setTimeout(resolve, SLOW_MS, null));
  return (await Promise.race([fromHub, tooLate])) ?? kept;
}

/** A proxy says that no hub is there; the hub's own refusals name its version. */
function isAway(response) {
  return [502, 503, 504].includes(response.status) && !response.headers.has("Comanda-Version");
}

async function offline() {
  const lang = self.navigator.languages.map((one) => one.slice(0, 2)).find((one) => LANGS.includes(one)) ?? LANGS[0];
  const found = await caches.match(`${ROOT}static/offline.${lang}.html?v=${VERSION}`);
  if (!found) return Response.error();
  const headers = { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": found.headers.get("Content-Security-Policy") ?? "" };
  return new Response((await found.text()).replaceAll("{{root}}", ROOT), { status: 503, headers });
}

async function file(request) {
  const cache = await caches.open(CACHE);
  const known = await cache.match(request);
  if (known) return known;
  const response = await fetch(request);
  if (response.ok) await cache.put(request, response.clone());
  return response;
}

/** Files of this version, and drawings, which have none. */
function isKept({ pathname, searchParams }) {
  if (!pathname.startsWith(`${ROOT}static/`)) return false;
  const version = searchParams.get("v");
  return version === VERSION || (version === null && /^(?:img\/|favicon\.svg$)/.test(pathname.slice(`${ROOT}static/`.length)));
}

/** The address under which a page is kept, without whose page it is; null for what is no page. */
function shellOf(pathname) {
  const path = pathname.slice(ROOT.length);
  const found = SHELLS.find(([pattern]) => pattern.test(path));
  return found ? ROOT + (found[1] ?? path) : null;
}

// Notices, in the shape of Declarative Web Push: what a browser that knows it shows without this code.

self.addEventListener("push", (event) => event.waitUntil(showNotice(event.data)));
self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(openPage(event.notification.data?.url ?? ROOT));
});

async function showNotice(data) {
  const notice = readNotice(data);
  if (!notice) return;
  const { title, body, lang, tag, navigate } = notice;
  const url = new URL(navigate?.startsWith("/") ? ROOT + navigate.slice(1) : navigate ?? ROOT, self.location).href;
  if (await isLookedAt(url)) return; // the page has just shown it
  const [icon] = PICTURES;
  await self.registration.showNotification(title, { body, lang, tag, icon, badge: icon, renotify: Boolean(tag), data: { url } });
}

function readNotice(data) {
  try {
    const { web_push: version, notification } = data.json();
    return version === 8030 && typeof notification?.title === "string" ? notification : null;
  } catch {
    return null; // not ours, or of a version that this one can't read
  }
}

/** Somebody looks at the page that a notice leads to; a customer's order is shown where one orders as well. */
async function isLookedAt(url) {
  const { pathname } = new URL(url);
  const paths = pathname.startsWith(`${ROOT}t/`) ? [pathname, ROOT] : [pathname];
  return (await windows()).some((one) => one.visibilityState === "visible" && paths.includes(new URL(one.url).pathname));
}

async function openPage(url) {
  const open = (await windows()).find((one) => new URL(one.url).pathname === new URL(url).pathname);
  return open ? open.focus() : self.clients.openWindow(url);
}

function windows() {
  return self.clients.matchAll({ type: "window", includeUncontrolled: true });
}
