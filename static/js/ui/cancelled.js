/** Why an order was cancelled, in the reader's words. */

import { t } from "./i18n.js";

/** @param {object | null} order its document; one that expired says so itself. */
export function whyCancelled(order, reason) {
  const key = `order.expired.${order?.expired}`;
  const said = t(key);
  return said === key ? reason || "—" : said; // not expired, or for a reason that only a newer hub knows
}
