/** How long a card may stay where it is before it is warm, then late. Pure. */

const MINUTE_MS = 60_000;

/** Minutes to warm, to late, by status. */
const PATIENCE = { received: [2, 5], preparing: [8, 14], ready: [5, 12], en_route: [20, 35] };

/** @returns {"calm" | "warm" | "late"} */
export function paceOf(status, waited_ms) {
  const [warm, late] = PATIENCE[status] ?? [Infinity, Infinity];
  if (waited_ms >= late * MINUTE_MS) return "late";
  return waited_ms >= warm * MINUTE_MS ? "warm" : "calm";
}

/** 75 s as "1:15", an hour as "1:00:00". */
export function stopwatch(waited_ms) {
  const seconds = Math.max(0, Math.floor(waited_ms / 1000));
  const pad = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}
