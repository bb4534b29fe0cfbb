/** A state told without flicker: what passes in a moment is not told, and what is told stays until it can be read. */

import { monotonic } from "../wire/clock.js";

const PASSING = "catching_up";

/**
 * @param {(state: string) => void} tell
 * @param {{first: string, after_ms: number, least_ms: number, now?: () => number}} options
 *   first: what is told before anything else; after_ms: how long catching up must last to be told; least_ms: how long
 *   it is then shown at least, unless something worse happens.
 * @returns {(state: string) => void}
 */
export function steadily(tell, { first, after_ms, least_ms, now = monotonic }) {
  let shown = first;
  let since = -Infinity;
  let timer;
  const show = (state) => {
    if (state === shown) return;
    shown = state;
    since = now();
    tell(state);
  };
  tell(first);
  return (state) => {
    clearTimeout(timer);
    const wait_ms = state === PASSING ? after_ms : state === "online" && shown === PASSING ? since + least_ms - now() : 0;
    if (wait_ms > 0 && state !== shown) timer = setTimeout(show, wait_ms, state);
    else show(state);
  };
}
