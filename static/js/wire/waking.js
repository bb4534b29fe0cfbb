/** When a program may have slept: every way in which a browser says so, and a clock that has jumped. */

import { sleeplessClock } from "./clock.js";

const TICK_MS = 1000;
const JUMP_MS = 3000; // no event tells that a computer slept while the page was in view

/**
 * What the line to a hub wants to know of its surroundings. Outside a browser: nothing.
 *
 * @returns {{watchSleep: Function, isOffline: () => boolean}}
 */
export function platformHere() {
  if (typeof document === "undefined") return { watchSleep: () => () => {}, isOffline: () => false };
  return { watchSleep, isOffline: () => navigator.onLine === false };
}

/**
 * @param {{woke: () => void, left: () => void, offline: () => void}} told
 *   woke: the page is seen again, unfrozen, back from the back/forward cache, or has a network again. left: it goes into
 *   that cache, if it holds no connection. offline: the browser knows that there is no network.
 * @returns {() => void} ends it.
 */
function watchSleep({ woke, left, offline }) {
  const wokeIfSeen = () => document.visibilityState === "visible" && woke();
  const listened = [
    [document, "visibilitychange", wokeIfSeen],
    [document, "resume", woke],
    [globalThis, "pageshow", (event) => event.persisted && woke()],
    [globalThis, "pagehide", (event) => event.persisted && left()],
    [globalThis, "online", woke],
    [globalThis, "offline", offline],
  ];
  for (const [target, type, listener] of listened) target.addEventListener(type, listener);
  const passed = sleeplessClock();
  let last = passed();
  const timer = setInterval(() => {
    const at = passed();
    const slept_ms = at - last - TICK_MS;
    last = at;
    if (slept_ms > JUMP_MS) wokeIfSeen();
  }, TICK_MS);
  return () => {
    clearInterval(timer);
    for (const [target, type, listener] of listened) target.removeEventListener(type, listener);
  };
}
