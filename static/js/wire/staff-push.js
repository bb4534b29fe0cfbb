/** Waking staff on this device when nobody sees an order: for one account at a time, until it signs out. */

import { keep, kept } from "../keep.js";
import { forgetDevice, pushOffer, tellDeviceNoMore, tellThisDevice, toldEndpoint } from "./push.js";

const KEY = "woken"; // {person, endpoint}: for whom, and the browser's subscription
const TOLD = "told"; // of the customer's button: it has the same subscription
const LEAVE_MS = 1000;

let renewing = null; // the renewal that is under way
let hasLeft = false; // this page has signed out: what is still under way must not begin it again

export function isWoken({ principal }) {
  return wokenFor(principal) !== null;
}

/** @returns {Promise<boolean>} false: the person said no. */
export async function beginWaking({ token, principal }, { key, lang }) {
  const endpoint = await tellThisDevice({ key, token, lang, isStaff: true });
  if (endpoint && !hasLeft) keep(KEY, { person: principal.id, endpoint });
  return Boolean(endpoint);
}

/** End it at the hub. An order that this device is told of as well is told on. */
export async function endWaking({ token }) {
  const woken = kept(KEY, isSound);
  if (woken) await tellDeviceNoMore(woken.endpoint, { token });
  keep(KEY, null);
}

/**
 * Make what this device keeps true again when a page opens: the browser may have ended its subscription meanwhile, and
 * somebody else may have signed in. The hub forgets a subscription that nobody has renewed for a month.
 */
export async function settleWaking(session, lang) {
  const woken = kept(KEY, isSound);
  if (!woken) return;
  if (woken.person !== session.principal.id) return leave();
  if ((await toldEndpoint()) !== woken.endpoint) return void keep(KEY, null);
  renewing = pushOffer().then(({ key }) => key && !hasLeft && beginWaking(session, { key, lang }))
    .catch(() => {}); // the next visit renews it
}

/** End it with the session, also without a line: then the push service says that the device is gone. Takes two seconds at most. */
export async function leaveWaking({ token, principal }) {
  const woken = wokenFor(principal);
  if (!woken) return;
  hasLeft = true;
  if (renewing) await inTime(renewing);
  await inTime(Promise.allSettled([tellDeviceNoMore(woken.endpoint, { token }), leave()]));
}

function inTime(work) {
  return Promise.race([work, new Promise((late) => setTimeout(late, LEAVE_MS))]);
}

function leave() {
  keep(KEY, null);
  keep(TOLD, null);
  return forgetDevice();
}

function wokenFor({ id }) {
  return kept(KEY, (found) => isSound(found) && found.person === id);
}

function isSound({ person, endpoint }) {
  return typeof person === "string" && typeof endpoint === "string";
}
