/** Read a room into a store, over reloads: what the tab knew is shown at once, and what it missed is put on top. */

import { now } from "./wire/clock.js";

/**
 * @param {object} store its reducer knows `restored` and `forget`
 * @param {{token?: string, keepsake: object, isWorthKeeping?: (state: object) => boolean, onRestored?: Function,
 *          onSnapshot: Function, onEvent: Function, onError: Function}} reader
 *   onRestored(state, at): what was kept is shown; it was the whole truth at that time, in milliseconds, if that is known.
 * @returns {() => void} leaves the room; what is kept stays kept.
 */
export function readKeptRoom(hub, name, store, { keepsake, isWorthKeeping = () => true, onRestored, onError, ...reader }) {
  const kept = restored(store, keepsake);
  let cursor = kept?.cursor;
  let at = kept?.at;
  let isConfirmed = false;

  const note = () => {
    if (!cursor) return;
    if (isWorthKeeping(store.state)) keepsake.keep(cursor, store.state, at);
    else keepsake.forget();
  };
  const leave = hub.room(name, {
    ...reader,
    after: cursor,
    onPlace: (place) => {
      isConfirmed = true;
      cursor = place;
      at = now();
      note();
    },
    onError: (error) => {
      cursor = undefined;
      keepsake.forget();
      if (kept && !isConfirmed) store.dispatch({ type: "forget" }); // it was the tab's word alone
      onError(error);
    },
  });
  const unwatch = store.watch(note);
  const left = () => {
    if (hub.state !== "online") return;
    at = now(); // nothing has happened since, and it is known
    note();
    keepsake.write();
  };
  globalThis.addEventListener?.("pagehide", left);
  if (kept) onRestored?.(kept.state, kept.at);
  return () => {
    unwatch();
    globalThis.removeEventListener?.("pagehide", left);
    keepsake.write();
    leave();
  };
}

/** Show what was kept. What can't be shown after all is thrown away, or it would break the page at every reload. */
function restored(store, keepsake) {
  const kept = keepsake.restore();
  if (!kept) return null;
  try {
    store.dispatch({ type: "restored", state: kept.state });
    return kept;
  } catch (error) {
    console.error("kept state of %s can't be shown", keepsake.name, error);
    keepsake.forget();
    store.dispatch({ type: "forget" });
    return null;
  }
}
