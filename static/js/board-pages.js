/** The orders that the board's snapshot had no room for, a page at a time, while the page has nothing better to do. */

import { wantsPage } from "./state/board.js";
import { retryDelay } from "./wire/hub.js";

const PAUSE_MS = 250; // between two pages: the cards of the one before are being built
const DENIED = new Set(["unauthorized", "forbidden"]);

/**
 * @param {object} store the board's
 * @param {{get: (path: string) => Promise<object>, onDenied: (error: Error) => void, later?: Function}} options
 *   later(run, ms): runs it after a while.
 */
export function readPages(store, { get, onDenied, later = (run, ms) => setTimeout(run, ms) }) {
  let isWaiting = false;
  let failures = 0;

  const wait = (ms) => {
    isWaiting = true;
    later(() => {
      isWaiting = false;
      look();
    }, ms);
  };
  const look = () => {
    if (!isWaiting && wantsPage(store.state)) read(store.state.next);
  };
  const read = async (from) => {
    isWaiting = true;
    store.dispatch({ type: "asking" });
    try {
      const page = await get(`/api/orders?open=true&after=${encodeURIComponent(from)}`);
      store.dispatch({ type: "page", from, page });
      failures = 0;
      wait(PAUSE_MS);
    } catch (error) {
      if (!error.code) throw error;
      store.dispatch({ type: "page", from, page: null });
      if (DENIED.has(error.code)) onDenied(error);
      else wait(retryDelay(error, failures++));
    }
  };
  store.watch(look);
}
