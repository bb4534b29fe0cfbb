/** The statuses of an order: the only place of the pages that spells them all. `RULES` in hub/domain/lifecycle.py has the rule. */

/** The way of an order that is brought; each status is entered by the event of its name, `order.preparing`. */
export const STEPS = ["received", "preparing", "ready", "en_route", "delivered"];

export const OPEN = STEPS.slice(0, -1);
export const ENDED = new Set(["delivered", "cancelled"]);

const ONLY_BROUGHT = new Set(["en_route"]); // an order that is fetched skips these
const FETCHED = STEPS.filter((status) => !ONLY_BROUGHT.has(status));
const ENTERED_BY = new Map([...OPEN, ...ENDED].map((status) => [`order.${status}`, status]));

/** The steps that an order goes through, in order. */
export function stepsOf(order) {
  return order?.delivery?.kind === "delivery" ? STEPS : FETCHED;
}

/** The status that an order enters with an event of this type; undefined if it enters none, or one that the event names. */
export function statusOf(type) {
  return ENTERED_BY.get(type);
}
