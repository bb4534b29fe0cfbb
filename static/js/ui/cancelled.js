/** Why an order was cancelled, in the reader's words. */

import { t } from "./i18n.js";

/** @param {object | null} order its document; one that expired says so itself. */
export function whyCancelled(order, reason) {
  return order?.expired ? t(`order.expired.${order.expired}`) : reason || "—";
}
