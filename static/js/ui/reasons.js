/** Reasons in the reader's words: usual ones have a code, and each reader sees them in their own language. */

import { t } from "./i18n.js";

/** What staff may choose, by what is done to an order. REASON_TEXTS in hub/domain/reason_codes.py has the same codes and texts. */
export const REASONS = {
  delay: ["busy", "ingredient", "courier"],
  recall: ["mistake", "missing", "remake"],
  cancel: ["customer", "sold_out", "closing"],
};

/** @param {{reason?: string, reason_code?: string}} said a code that only a newer hub knows leaves what was written. */
export function reasonWords({ reason, reason_code }) {
  return known(`reason.${reason_code}`) ?? (reason || "—");
}

/** Why an order was cancelled. @param {object | null} order its document; one that expired says so itself. */
export function whyCancelled(order, said) {
  return known(`order.expired.${order?.expired}`) ?? reasonWords(said);
}

/** What to send for a usual reason. */
export function usualReason(code) {
  return { reason: t(`reason.${code}`), reason_code: code };
}

/** What to send for what was written: with its code, if it is word for word one of the usual reasons. */
export function writtenReason(reason, kind) {
  const code = REASONS[kind].find((one) => t(`reason.${one}`) === reason);
  return code ? usualReason(code) : { reason };
}

function known(key) {
  const words = t(key);
  return words === key ? null : words;
}
