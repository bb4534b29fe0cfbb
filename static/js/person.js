/**
 * The customer at this device. Whoever says "that is not me" finds nothing of the one before: not in the device's storage,
 * not in this page, not in its other tabs.
 */

import { keep, kept, onKeptElsewhere, stopKeeping } from "./keep.js";
import { newId } from "./ids.js";
import { forgetKeepsakes } from "./wire/keepsake.js";
import { forgetDevice } from "./wire/push.js";

const KEYS = ["cart", "order", "pending", "chat", "told"];
const FORGET_MS = 1000;
const MARK = "forgotten"; // of the last time that a person was forgotten here
const isMark = (found) => typeof found === "string";

/** Forget the person, and leave this page, which shows them. */
export function forgetPerson(leave) {
  for (const key of KEYS) keep(key, null);
  keep(MARK, newId());
  forget();
  // What is still on its way to this device is for whoever was here before.
  return Promise.race([forgetDevice(), new Promise((late) => setTimeout(late, FORGET_MS))]).catch(() => {}).finally(leave);
}

/** Have this page leave, too, when the person is forgotten in another tab, also while it rests in the back/forward cache. */
export function leaveWithPerson(leave) {
  const mark = kept(MARK, isMark);
  onKeptElsewhere(MARK, () => {
    if (kept(MARK, isMark) !== mark) end(leave);
  });
}

function end(leave) {
  forget();
  leave();
}

function forget() {
  forgetKeepsakes();
  stopKeeping(); // an answer that is under way is not for whoever comes next
}
