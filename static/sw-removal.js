/** Served in the service worker's place when it is switched off: it takes everything away, itself last. */

const CACHES = `comanda${new URL("./", self.location).pathname}`;

self.addEventListener("install", () => self.skipWaiting());
self.addEventListener("activate", (event) => event.waitUntil(remove()));

async function remove() {
  const names = (await caches.keys()).filter((name) => name.startsWith(CACHES) && !name.slice(CACHES.length).includes("/"));
  await Promise.all(names.map((name) => caches.delete(name)));
  await self.registration.unregister();
}
