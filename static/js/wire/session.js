/** Who is signed in on this device: a staff token, its principal, and where each role works. */

import { keep, kept, onKeptElsewhere } from "../keep.js";
import { at } from "../root.js";
import { clock } from "./clock.js";
import { forgetKeepsakes } from "./keepsake.js";
import { leaveWaking } from "./staff-push.js";

const KEY = "session";
const END = "session_end"; // why the last one ended: tabs that did not see it themselves ask
// Couriers have no page of their own yet: the board shows them what they need.
const HOMES = [["manager", "/manager"], ["support", "/support"], ["kitchen", "/kitchen"], ["courier", "/kitchen"]];

/** @returns {{token: string, expires_at?: string, principal: {kind: string, name?: string, roles: string[]}} | null} */
export function currentSession(hub = clock) {
  const session = kept(KEY, isSession);
  if (!session) return null;
  // Before the hub has said what time it is, only the hub can say that a session has ended: it refuses the token.
  if (session.expires_at && hub.isKnown && Date.parse(session.expires_at) <= hub.now()) return null;
  return session;
}

export function signIn(session) {
  keep(END, null);
  keep(KEY, session);
}

/**
 * End a page's session: on this device, in its other tabs, and at the hub, which takes the token no more. The device is no
 * longer woken for this person.
 *
 * @returns {Promise<void>} resolved when the page may be left.
 */
export async function signOut(session) {
  dropSession(session);
  await leaveWaking(session);
  // Without a connection the token stays valid until its end, but nobody has it any more.
  const headers = { Authorization: `Bearer ${session.token}`, "Content-Type": "application/json" };
  fetch(at("/api/logout"), { method: "POST", headers, body: "{}", keepalive: true }).catch(() => {});
}

/**
 * Forget a session that the hub refused. One that another tab has begun meanwhile stays.
 *
 * @param {"expired" | null} why for the other tabs; null: somebody signed out.
 */
export function dropSession(session, why = null) {
  if (kept(KEY, isSession)?.token === session.token) {
    keep(END, why);
    keep(KEY, null);
  }
  forgetKeepsakes();
}

function isSession({ token, principal }) {
  return typeof token === "string" && token !== "" && Array.isArray(principal?.roles);
}

export function hasRole(session, roles) {
  return Boolean(session?.principal?.roles?.some((role) => roles.includes(role)));
}

/** The page where a principal works. */
export function homeOf(principal) {
  return at(HOMES.find(([role]) => principal?.roles?.includes(role))?.[1] ?? "/");
}

/** A path of this site from `?next=`, or null: never a way off it. */
export function safeNext(next, origin) {
  if (!next || !next.startsWith("/")) return null;
  try {
    const url = new URL(next, origin);
    return url.origin === origin ? url.pathname + url.search + url.hash : null;
  } catch {
    return null;
  }
}

/**
 * The session, if it may see this page; else goes to the sign-in page and returns null.
 *
 * @param {{onExpired?: () => void}} options onExpired: called when another tab has learned that the session has ended, instead
 *   of leaving the page.
 */
export function requireRole(roles, { onExpired = () => leaveToLogin("expired") } = {}) {
  const session = currentSession();
  if (hasRole(session, roles)) {
    onKeptElsewhere(KEY, () => leaveWith(session, onExpired));
    return session;
  }
  leaveToLogin(session ? "forbidden" : null);
  return null;
}

/** Another tab has signed out, or somebody else has signed in there: this page's session is over as well. */
function leaveWith(session, onExpired) {
  const now = currentSession();
  if (now?.token === session.token) return;
  forgetKeepsakes();
  if (now) location.reload();
  else if (kept(END, (why) => why === "expired")) onExpired();
  else leaveToLogin();
}

export function leaveToLogin(reason = null) {
  const query = new URLSearchParams({ next: location.pathname + location.search });
  if (reason) query.set("reason", reason);
  location.replace(at(`/login?${query}`));
}
