/** How an order stands with the time it was promised for. Pure. */

import { statusSince } from "./order.js";

const MINUTE_MS = 60_000;

/** Minutes that an order usually still needs, by kind and status: with less than that left it is near its promise. */
const NEEDED = {
  pickup: { received: 10, preparing: 5 },
  delivery: { received: 30, preparing: 25, ready: 20, en_route: 5 },
};

/** Minutes until an order without a promise, or one whose promise is kept and that waits to be fetched, is near, is late. */
const PATIENCE = { received: [2, 5], preparing: [8, 14], ready: [5, 12], en_route: [20, 35] };

/**
 * @param {number} now milliseconds, by the hub's clock
 * @returns {{pace: "fresh" | "near" | "late", minutes: number, isPromise: boolean}} minutes: left of the promise, or past it if
 *   it is late; without a promise, those waited.
 */
export function paceOf(order, now) {
  const needed = NEEDED[order.delivery.kind]?.[order.status];
  const left = Date.parse(order.eta?.latest) - now;
  if (needed === undefined || Number.isNaN(left)) return byPatience(order, now);
  if (left < 0) return { pace: "late", minutes: Math.floor(-left / MINUTE_MS), isPromise: true };
  const pace = left < needed * MINUTE_MS ? "near" : "fresh";
  return { pace, minutes: Math.ceil(left / MINUTE_MS), isPromise: true };
}

function byPatience(order, now) {
  const [near, late] = PATIENCE[order.status] ?? [Infinity, Infinity];
  const minutes = Math.max(0, Math.floor((now - Date.parse(statusSince(order))) / MINUTE_MS));
  return { pace: minutes >= late ? "late" : minutes >= near ? "near" : "fresh", minutes, isPromise: false };
}

/** 75 s as "1:15", an hour as "1:00:00". */
export function stopwatch(waited_ms) {
  const seconds = Math.max(0, Math.floor(waited_ms / 1000));
  const pad = (n) => String(n).padStart(2, "0");
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return h ? `${h}:${pad(m)}:${pad(s)}` : `${m}:${pad(s)}`;
}
