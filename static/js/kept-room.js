/** Read a room into a store, over reloads: what the tab knew is shown at once, and what it missed is put on top. */

/**
 * @param {object} store its reducer knows `restored` and `forget`
 * @param {{token?: string, keepsake: object, isWorthKeeping?: (state: object) => boolean, onRestored?: Function,
 *          onSnapshot: Function, onEvent: Function, onError: Function}} reader
 * @returns {() => void} leaves the room; what is kept stays kept.
 */
export function readKeptRoom(hub, name, store, { keepsake, isWorthKeeping = () => true, onRestored, onError, ...reader }) {
  const kept = keepsake.restore();
  let cursor = kept?.cursor;
  let isConfirmed = false;
  if (kept) store.dispatch({ type: "restored", state: kept.state });

  const note = () => {
    if (!cursor) return;
    if (isWorthKeeping(store.state)) keepsake.keep(cursor, store.state);
    else keepsake.forget();
  };
  const leave = hub.room(name, {
    ...reader,
    after: cursor,
    onPlace: (place) => {
      isConfirmed = true;
      cursor = place;
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
  if (kept) onRestored?.(kept.state);
  return () => {
    unwatch();
    keepsake.write();
    leave();
  };
}
