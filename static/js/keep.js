/** What this device remembers between visits. Storage may be full or forbidden: then it forgets. */

const PREFIX = "comanda.";

export function kept(key, fallback = null) {
  try {
    return JSON.parse(localStorage.getItem(PREFIX + key)) ?? fallback;
  } catch {
    return fallback;
  }
}

/** @param {*} value null forgets the key. */
export function keep(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // A private window: the page works, and forgets.
  }
}
