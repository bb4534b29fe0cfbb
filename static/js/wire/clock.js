/** The hub's time as seen from here: a tablet's clock may be minutes off. */

const TOLERATED_MS = 2000; // a Date header counts whole seconds

let lead_ms = 0;

/** @param {string | null} date the Date header of a fresh answer. */
export function learnDate(date, local_ms = Date.now()) {
  const lead = local_ms - Date.parse(date);
  if (Number.isFinite(lead)) lead_ms = Math.abs(lead) > TOLERATED_MS ? lead : 0;
}

export function now(local_ms = Date.now()) {
  return local_ms - lead_ms;
}
