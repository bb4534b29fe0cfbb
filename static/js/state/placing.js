/**
 * The order that was sent and has no answer yet. Pure.
 *
 * It is kept, over a reload too, until the hub has said what became of it: under its command id it is one order, however
 * often it is sent.
 */

const ASK_AFTER_MS = 15 * 60_000; // whoever comes back later may not want it any more
const FORGET_AFTER_MS = 20 * 3_600_000; // the hub knows a command id for 24 h; after that a repeat were another order

/** phase: none, waiting (for a connection; it was never sent), sending, unsure (sent, not answered), asking (is it still wanted?). */
export const nothingPlaced = Object.freeze({ phase: "none", pending: null });

export function placingReducer(state, action) {
  switch (action.type) {
    case "place":
      return state.pending ? state : { phase: "waiting", pending: action.pending };
    case "found":
      return found(state, action.pending, action.now);
    case "trying":
      return { phase: state.phase === "unsure" ? "unsure" : "sending", pending: { ...state.pending, tried: true } };
    case "unanswered":
      return state.pending ? { ...state, phase: "unsure" } : state;
    case "wanted":
      return state.phase === "asking" ? { ...state, phase: "unsure" } : state;
    case "settled":
      return isUnderWay(state, action.command_id) ? nothingPlaced : state;
    default:
      return state;
  }
}

/** Whether this order is still waited for. */
export function isUnderWay({ pending }, command_id) {
  return pending?.command_id === command_id;
}

/** Whether it can be taken back: nobody but this device knows of it. */
export function canTakeBack({ pending }) {
  return Boolean(pending) && !pending.tried;
}

/**
 * Whether an error leaves open what became of the order.
 *
 * @param {boolean} wasUnsure an earlier try was not answered: to be told to wait says nothing of that one.
 */
export function leavesOpen({ code, retryable }, wasUnsure) {
  return code === "lost" || code === "unavailable" || (wasUnsure && retryable);
}

/** Whether this is an order under way: it comes from a device's storage. */
export function isPending({ command_id, order, lines, at, tried }) {
  const isItem = ({ sku, qty }) => typeof sku === "string" && Number.isInteger(qty);
  const isLine = ({ id, qty, name = "", name_en = "" }) => [id, qty].every(Number.isSafeInteger) && [name, name_en].every(isText);
  const isOrder = isText(order.customer.name) && isText(order.delivery.kind) && order.items.every(isItem);
  return isText(command_id) && Number.isFinite(at) && typeof tried === "boolean" && isOrder && lines.every(isLine);
}

function isText(value) {
  return typeof value === "string";
}

/** What the device's storage has: from before a reload, or from another tab. */
function found(state, pending, now) {
  if (!pending || now - pending.at > FORGET_AFTER_MS) return nothingPlaced;
  if (isUnderWay(state, pending.command_id)) return { ...state, pending };
  if (now - pending.at > ASK_AFTER_MS) return { phase: "asking", pending };
  return { phase: pending.tried ? "unsure" : "waiting", pending };
}
