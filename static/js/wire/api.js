/** The hub's HTTP side, for what a page reads once. */

import { at } from "../root.js";
import { learnDate, monotonic } from "./clock.js";
import { CommandError } from "./errors.js";

const ANSWER_MS = 10000;

/** @returns {Promise<object>} the answer's data; rejects with a CommandError. */
export function get(path, { token } = {}) {
  return ask(path, { headers: bearer(token) });
}

export function post(path, body, { token } = {}) {
  const headers = { "Content-Type": "application/json", ...bearer(token) };
  return ask(path, { method: "POST", headers, body: JSON.stringify(body) });
}

export function remove(path, body, { token } = {}) {
  const headers = { "Content-Type": "application/json", ...bearer(token) };
  return ask(path, { method: "DELETE", headers, body: JSON.stringify(body) });
}

/** As `get`, but tries again for as long as the hub can't be reached. */
export async function getPatiently(path, options = {}) {
  for (let delay = 800; ; delay = Math.min(delay * 2, 8000)) {
    try {
      return await get(path, options);
    } catch (error) {
      if (!error.retryable) throw error;
      options.onWait?.(error);
      await new Promise((resume) => setTimeout(resume, delay));
    }
  }
}

async function ask(path, init) {
  const asked_at = monotonic();
  let response, body;
  try {
    response = await fetch(at(path), { ...init, cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    learnDate(response.headers.get("date"), asked_at);
    body = await response.json();
  } catch {
    if (response && response.status < 500) throw new CommandError({ code: "internal" });
    throw CommandError.lost();
  }
  if (!response.ok || body.ok === false) throw CommandError.from(body);
  return body.data ?? body;
}

function bearer(token) {
  return token ? { Authorization: `Bearer ${token}` } : {};
}
