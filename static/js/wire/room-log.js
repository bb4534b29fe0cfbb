/**
 * How far one room has been read, and whether the next event continues it. Pure.
 *
 * `seen` is the highest offset known to be covered: that of the last event, or of the join's cursor.
 * Offsets are counted per branch, so a room's next event may have any offset past `seen`; what must
 * hold is that its `prev` (the room's event before it) is covered.
 */

import { formatCursor, parseCursor } from "./cursor.js";

export const unread = Object.freeze({ epoch: null, seen: 0 });

/** @returns {"volatile" | "repeat" | "gap" | "next"} what to do with an event that arrived. */
export function judge(log, event, cursor) {
  if (!Number.isSafeInteger(event.offset)) return "volatile";
  const place = parseCursor(cursor);
  if (log.epoch === null || (place && place.epoch !== log.epoch)) return "gap";
  if (event.offset <= log.seen) return "repeat";
  return event.prev > log.seen ? "gap" : "next";
}

/** The log after everything up to a cursor has been taken in. */
export function readUpTo(log, cursor) {
  const place = parseCursor(cursor);
  if (!place) return log;
  const seen = place.epoch === log.epoch ? Math.max(log.seen, place.offset) : place.offset;
  return { epoch: place.epoch, seen };
}

/** The log after one event that was judged "next". */
export function readEvent(log, event) {
  return { ...log, seen: event.offset };
}

/** What to send as `after`; undefined before the first join. */
export function resumeFrom(log) {
  return log.epoch === null ? undefined : formatCursor({ epoch: log.epoch, offset: log.seen });
}
