/** An order's document, and what each event makes of it. Pure. */

export const ENDED = new Set(["delivered", "cancelled"]);

const STATUS_OF = {
  "order.preparing": "preparing",
  "order.ready": "ready",
  "order.en_route": "en_route",
  "order.delivered": "delivered",
  "order.cancelled": "cancelled",
};

/** The steps an order goes through, in order. */
export function stepsOf(order) {
  const delivery = order?.delivery?.kind === "delivery";
  return ["received", "preparing", "ready", ...(delivery ? ["en_route"] : []), "delivered"];
}

/** The status one tap leads to, or null at the end. */
export function nextStatus(order) {
  const steps = stepsOf(order);
  const at = steps.indexOf(order.status);
  return at < 0 ? null : (steps[at + 1] ?? null);
}

export function hasEnded(order) {
  return ENDED.has(order.status);
}

/** A large order that nobody has accepted yet. */
export function isWaiting(order) {
  return order.acceptance?.state === "waiting" && !hasEnded(order);
}

/** When the order came into its present status. */
export function statusSince(order) {
  return order.status_since ?? order.placed_at;
}

/**
 * The document after an event; the same object if the event is old news.
 *
 * @param {object | null} order
 * @param {{type: string, at: string, data: object}} event
 */
export function applyToOrder(order, event) {
  const { type, data, at } = event;
  if (type === "order.received") return newer(order, data.order) ? data.order : order;
  if (!order || data?.order_id !== order.id) return order;
  if (data.version !== undefined && data.version <= order.version) return order;
  const known = { ...order, version: data.version ?? order.version, updated_at: at };
  if (type in STATUS_OF || type === "order.recalled") return withStatus(known, type, data, at);
  switch (type) {
    case "order.courier_assigned":
      return { ...known, courier: data.courier };
    case "order.item_done":
    case "order.item_undone":
      return { ...known, items: markItem(known.items, data.item, type === "order.item_done") };
    case "order.acknowledged":
      return { ...known, acknowledged: true };
    case "order.accepted":
      return { ...known, acceptance: { state: "accepted" } };
    case "order.expired":
      return { ...known, expired: data.why };
    case "order.delayed":
      return { ...known, delay: { minutes: data.minutes, reason: data.reason } };
    case "order.eta_changed":
      return { ...known, eta: data.eta };
    default:
      return order;
  }
}

function newer(order, other) {
  return Boolean(other) && (!order || other.id !== order.id || other.version > order.version);
}

function withStatus(order, type, data, at) {
  return {
    ...order,
    status: data.status ?? STATUS_OF[type],
    status_since: at,
    eta: data.eta === undefined ? order.eta : data.eta,
    cancel_reason: type === "order.cancelled" ? data.reason : order.cancel_reason,
  };
}

function markItem(items, item, done) {
  return items.map((line) => (line.item === item ? { ...line, done } : line));
}
