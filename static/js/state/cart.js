/** What the customer is about to order. Pure. */

export const MAX_QTY = 50;
const KINDS = ["pickup", "delivery"];
const PHONE = /^\+?(?:[ ()-]*[0-9]){7,20}[ ()-]*$/;

export const initialCart = Object.freeze({
  lines: [], // {sku, qty, notes}
  customer: { name: "", phone: "" },
  delivery: { kind: "pickup", address: "" },
});

/** Whether this is a cart that can be shown: it comes from a device's storage. */
export function isCart({ lines, customer, delivery }) {
  const isLine = ({ sku, qty, notes }) => isText(sku) && Number.isInteger(qty) && qty > 0 && qty <= MAX_QTY && isText(notes);
  const isReceiver = isText(customer.name) && isText(customer.phone);
  return lines.every(isLine) && isReceiver && KINDS.includes(delivery.kind) && isText(delivery.address);
}

/** Whether this is an order that was sent and not answered, as `pendingFor` makes it. */
export function isPending({ command_id, body }) {
  return isText(command_id) && isText(body);
}

export function cartReducer(state, action) {
  switch (action.type) {
    case "add":
      return withQty(state, action.sku, qtyOf(state, action.sku) + (action.qty ?? 1));
    case "set_qty":
      return withQty(state, action.sku, action.qty);
    case "note":
      return { ...state, lines: state.lines.map((line) => (line.sku === action.sku ? { ...line, notes: action.notes } : line)) };
    case "customer":
      return { ...state, customer: { ...state.customer, ...action.fields } };
    case "delivery":
      return { ...state, delivery: { ...state.delivery, ...action.fields } };
    case "placed":
      return { ...state, lines: [] };
    default:
      return state;
  }
}

export function qtyOf(state, sku) {
  return state.lines.find((line) => line.sku === sku)?.qty ?? 0;
}

export function countOf(state) {
  return state.lines.reduce((sum, line) => sum + line.qty, 0);
}

/** In minor units. A dish that has left the menu costs nothing here; it can't be ordered either. */
export function totalOf(state, items) {
  return state.lines.reduce((sum, line) => sum + line.qty * (items.get(line.sku)?.price ?? 0), 0);
}

/**
 * Why the cart can't be sent, as the name of the first thing that lacks, or null.
 *
 * @param {(sku: string) => number} orderable how many may be ordered; 0: sold out or unknown.
 */
export function lackOf(state, orderable) {
  if (state.lines.length === 0) return "empty";
  if (state.lines.some((line) => orderable(line.sku) < line.qty)) return "sold_out";
  if (!state.customer.name.trim()) return "name";
  if (state.customer.phone.trim() && !PHONE.test(state.customer.phone.trim())) return "phone";
  if (state.delivery.kind === "delivery" && !state.delivery.address.trim()) return "address";
  return null;
}

/** The body of `order.place`, without its command id. */
export function orderOf(state) {
  const name = state.customer.name.trim();
  const phone = state.customer.phone.trim();
  const address = state.delivery.address.trim();
  return {
    customer: phone ? { name, phone } : { name },
    items: state.lines.map(({ sku, qty, notes }) => (notes?.trim() ? { sku, qty, notes: notes.trim() } : { sku, qty })),
    delivery: state.delivery.kind === "delivery" ? { kind: "delivery", address } : { kind: "pickup" },
  };
}

/**
 * The command id to send an order under: the one it was already sent under if that was never answered,
 * so that a retry is the same order; else a new one.
 *
 * @param {{command_id: string, body: string} | null} pending
 */
export function pendingFor(pending, order, newId) {
  const body = JSON.stringify(order);
  return pending?.body === body ? pending : { command_id: newId(), body };
}

function isText(value) {
  return typeof value === "string";
}

function withQty(state, sku, wanted) {
  const qty = Math.max(0, Math.min(MAX_QTY, Math.trunc(wanted) || 0));
  const known = state.lines.some((line) => line.sku === sku);
  if (qty === 0) return { ...state, lines: state.lines.filter((line) => line.sku !== sku) };
  if (!known) return { ...state, lines: [...state.lines, { sku, qty, notes: "" }] };
  return { ...state, lines: state.lines.map((line) => (line.sku === sku ? { ...line, qty } : line)) };
}
