/** Which open orders a form means: the filter of `order.cancel_many`. Pure. */

const MINUTE_MS = 60_000;

/**
 * @param {{status: string, minutes: string, unseen: boolean, waiting: boolean, origin: string, phone: string}} said as typed
 * @param {number} now milliseconds
 * @returns {object | null} null: nothing is named, or a condition makes no sense; not every order is meant.
 */
export function filterOf({ status, minutes, unseen, waiting, origin, phone }, now) {
  const filter = {};
  if (status) filter.status = status;
  if (minutes && !(Number(minutes) > 0)) return null;
  if (minutes) filter.placed_after = new Date(now - Number(minutes) * MINUTE_MS).toISOString();
  if (unseen) filter.acknowledged = false;
  if (waiting) filter.waiting = true;
  if (origin.trim()) filter.origin = origin.trim();
  if (phone.trim()) filter.phone = phone.trim();
  return Object.keys(filter).length ? filter : null;
}
