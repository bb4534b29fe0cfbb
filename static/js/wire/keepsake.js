/**
 * What a tab keeps of a room over a reload: the page's state, and the cursor that it is the state as of.
 *
 * In sessionStorage, not localStorage: a reload is what it is for, two tabs do not write over each other's cursor, and
 * what a page knew of a customer or of the kitchen is gone with the tab. Storage that is full or forbidden costs the
 * head start and nothing else.
 */

const VERSION = 1; // of the states' shapes: another one is not read
const PREFIX = "comanda.room.";
const INDEX = "comanda.rooms";
const MAX_CHARS = 1_000_000; // a board of 500 orders has about 600,000
const MAX_ROOMS = 6;
const WRITE_MS = 300;

let people = 0; // those who have left this page: a page is written when it is left, also by one who has been forgotten

export class Keepsake {
  #held = null;
  #timer = null;

  /**
   * @param {string} name of the room
   * @param {{owner?: string, isSound: (state: object) => boolean, mayKeep?: () => boolean, storage?: Storage | null,
   *          soon?: Function}} options
   *   owner: whose page it is; another's is not read. isSound: whether a state that was read back can be shown.
   *   mayKeep: asked before each writing: a page is written when it is left, also by one who has signed out of it.
   */
  constructor(name, { owner = "", isSound, mayKeep = () => true, storage = tabStorage(), soon = (run, ms) => setTimeout(run, ms) }) {
    Object.assign(this, { name, owner, isSound, mayKeep, storage, soon, person: people });
    globalThis.addEventListener?.("pagehide", () => this.write());
  }

  /** @returns {{cursor: string, state: object, at?: number} | null} what can't be trusted is thrown away. */
  restore() {
    try {
      const text = this.storage.getItem(PREFIX + this.name);
      const found = text === null ? null : unpacked(text, this.owner, this.isSound);
      if (text !== null && !found) this.forget();
      return found;
    } catch {
      return null;
    }
  }

  /**
   * Have it written soon: a busy board is not written at every event.
   *
   * @param {number} [at] when it was the whole truth, in milliseconds
   */
  keep(cursor, state, at) {
    this.#held = { cursor, state, at };
    this.#timer ??= this.soon(() => this.write(), WRITE_MS);
  }

  write() {
    const held = this.#held;
    if (!held) return;
    this.#settle();
    const text = this.person === people && this.mayKeep() ? packed({ owner: this.owner, ...held }) : null;
    try {
      if (text === null) this.forget();
      else this.#store(text);
    } catch {
      this.forget(); // an older state than the page's would be no lie, but there is no room for it either
    }
  }

  forget() {
    this.#settle();
    try {
      this.storage.removeItem(PREFIX + this.name);
    } catch {
      // Nothing was kept.
    }
  }

  #store(text) {
    const { names, dropped } = admitted(namesIn(this.storage.getItem(INDEX)), this.name);
    for (const name of dropped) this.storage.removeItem(PREFIX + name);
    this.storage.setItem(INDEX, JSON.stringify(names));
    this.storage.setItem(PREFIX + this.name, text);
  }

  #settle() {
    clearTimeout(this.#timer);
    this.#timer = this.#held = null;
  }
}

/** Forget every room: whoever comes next at this device is somebody else. */
export function forgetKeepsakes(storage = tabStorage()) {
  people++;
  try {
    const keys = Array.from({ length: storage.length }, (_, index) => storage.key(index));
    for (const key of keys) if (key.startsWith(PREFIX) || key === INDEX) storage.removeItem(key);
  } catch {
    // Nothing was kept.
  }
}

/** @returns {string | null} null when it is too much to keep. */
export function packed({ owner, cursor, state, at }) {
  const text = JSON.stringify({ version: VERSION, owner, cursor, at, state });
  return text.length > MAX_CHARS ? null : text;
}

/** @returns {{cursor: string, state: object, at?: number} | null} null for what is torn, old, another's, or can't be shown. */
export function unpacked(text, owner, isSound) {
  try {
    const { version, owner: of, cursor, state, at } = JSON.parse(text);
    const isWhole = version === VERSION && of === owner && typeof cursor === "string" && isSound(state);
    return isWhole ? { cursor, state, ...(Number.isFinite(at) && { at }) } : null;
  } catch {
    return null;
  }
}

function namesIn(text) {
  try {
    return JSON.parse(text);
  } catch {
    return []; // torn: the rooms stay until the tab is closed
  }
}

/** The names kept, the latest last, and those there is no room for any more. */
export function admitted(names, name) {
  const known = Array.isArray(names) ? names.filter((other) => typeof other === "string" && other !== name) : [];
  const all = [...known, name];
  const over = Math.max(0, all.length - MAX_ROOMS);
  return { names: all.slice(over), dropped: all.slice(0, over) };
}

function tabStorage() {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null; // forbidden: every use of it fails, and is caught
  }
}
