/** When a page may have slept: every way in which a browser says so, and a clock that has jumped. */

const TICK_MS = 1000;
const JUMP_MS = 3000; // no event tells that a computer slept while the page was in view

/**
 * @param {{woke: () => void, left: () => void, offline: () => void}} told
 *   woke: the page is seen again, unfrozen, back from the back/forward cache, or has a network again. left: it goes into
 *   that cache, if it holds no connection. offline: the browser knows that there is no network.
 */
export function watchSleep({ woke, left, offline }) {
  const wokeIfSeen = () => document.visibilityState === "visible" && woke();
  document.addEventListener("visibilitychange", wokeIfSeen);
  document.addEventListener("resume", woke);
  addEventListener("pageshow", (event) => event.persisted && woke());
  addEventListener("pagehide", (event) => event.persisted && left());
  addEventListener("online", woke);
  addEventListener("offline", offline);
  let last = Date.now();
  setInterval(() => {
    const slept_ms = Date.now() - last - TICK_MS;
    last = Date.now();
    if (slept_ms > JUMP_MS) wokeIfSeen();
  }, TICK_MS);
}
