/** "Wake me if nobody sees an order": for kitchen and managers, on the device that they are signed in on. */

import { hasRole } from "../wire/session.js";
import { beginWaking, endWaking, isWoken, settleWaking } from "../wire/staff-push.js";
import { currentLang } from "./i18n.js";
import { mountPushButton } from "./push-button.js";

const WOKEN = ["kitchen", "manager"]; // as the hub has it

/** @param {HTMLElement} host */
export async function mountWakeMe(host, session) {
  if (!session.principal.id || !hasRole(session, WOKEN)) return;
  await settleWaking(session, currentLang());
  mountPushButton(host, {
    name: "wake",
    hints: ["insecure", "refused", "home_screen"],
    once: "wake_told",
    isOffered: ({ unseen_s }) => unseen_s > 0,
    isWanted: () => true,
    isOn: () => isWoken(session),
    begin: ({ key }) => beginWaking(session, { key, lang: currentLang() }),
    end: () => endWaking(session),
  });
}
