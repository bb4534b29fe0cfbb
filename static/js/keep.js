/**
 * What this device remembers between visits. Storage may be full or forbidden: then it forgets. What it gives back may have
 * been written by another version of the page, or by hand.
 */

import { ROOT } from "./root.js";

// Another taquería may have another path of the same host.
const PREFIX = ROOT === "/" ? "comanda." : `comanda${ROOT}`;

let isClosed = false;

/**
 * @param {(found: *) => boolean} isSound whether the page can work with it. May throw: then it can't.
 * @returns {*} null if nothing is kept, or nothing that is sound.
 */
export function kept(key, isSound) {
  try {
    const found = JSON.parse(localStorage.getItem(PREFIX + key));
    return found !== null && isSound(found) ? found : null;
  } catch {
    return null;
  }
}

/**
 * @param {*} value null forgets the key.
 * @returns {boolean} whether the device has it; a private or a full one works, and forgets.
 */
export function keep(key, value) {
  if (isClosed) return false;
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

/** Keep nothing any more in this page: what it still does is a person's who has left. */
export function stopKeeping() {
  isClosed = true;
}

/** Call `watcher` when another tab of this browser has changed a key, also if that was while this page was asleep. */
export function onKeptElsewhere(key, watcher) {
  globalThis.addEventListener?.("storage", (event) => {
    if (event.key === null || event.key === PREFIX + key) watcher();
  });
  globalThis.addEventListener?.("pageshow", (event) => {
    if (event.persisted) watcher();
  });
}

/** The keys that begin like this. */
export function keptKeys(prefix) {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX + prefix)).map((key) => key.slice(PREFIX.length));
  } catch {
    return [];
  }
}
