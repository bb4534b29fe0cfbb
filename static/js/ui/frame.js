/** Drawing at the pace of the screen: however much has happened, once a frame. A hidden page has no frames. */

import { monotonic } from "../wire/clock.js";

/** @returns {() => void} has `draw` called in the next frame, once, however often it is called until then. */
export function oncePerFrame(draw, frame = (run) => requestAnimationFrame(run)) {
  let isDue = false;
  return () => {
    if (isDue) return;
    isDue = true;
    frame(() => {
      isDue = false;
      draw();
    });
  };
}

/** The same once a task, be the page hidden or not: a catch-up of many events is one task. */
export function oncePerTask(draw) {
  return oncePerFrame(draw, queueMicrotask);
}

/**
 * Take from a list's two ends in turns: what waits longest and what is newest come first.
 *
 * @returns {Generator<*>}
 */
export function* fromBothEnds(items) {
  for (let [start, end] = [0, items.length - 1]; start <= end; start++, end--) {
    yield items[start];
    if (start < end) yield items[end];
  }
}

/** Does work until the time of a frame is used up. @returns {boolean} whether nothing is left of it. */
export function workAWhile(steps, budget_ms, clock = monotonic) {
  const until = clock() + budget_ms;
  for (const step of steps) {
    step();
    if (clock() >= until) return false;
  }
  return true;
}
