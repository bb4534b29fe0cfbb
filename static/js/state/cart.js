/** What the customer is about to order. Pure. */

export const MAX_QTY = 50;
export const MAX_LINES = 40; // of an order
const KINDS = ["pickup", "delivery"];
const PHONE = /^\+?(?:[ ()-]*[0-9]){7,20}[ ()-]*$/;

export const initialCart = Object.freeze({
  // {id, sku, qty, notes, name, name_en?}: a dish may stand in several lines, each with its own note. It is called here what
  // the menu called it, which may have it no more.
  lines: [],
  lastId: 0, // given to a line: none is given twice
  customer: { name: "", phone: "" },
  delivery: { kind: "pickup", address: "" },
});

/** Whether this is a cart that can be shown: it comes from a device's storage. */
export function isCart({ lines, customer, delivery }) {
  const isReceiver = isText(customer.name) && isText(customer.phone);
  return Array.isArray(lines) && lines.every(isLine) && isReceiver && KINDS.includes(delivery.kind) && isText(delivery.address);
}

function isLine({ sku, qty, notes, name = "", name_en = "" }) {
  const isCounted = Number.isInteger(qty) && qty > 0 && qty <= MAX_QTY;
  return isCounted && [sku, notes, name, name_en].every(isText);
}

/** A kept cart, each of its lines with an id: an older page gave them none. */
export function withIds({ lines, customer, delivery, lastId }) {
  const given = new Set();
  let last = Math.max(0, ...[lastId, ...lines.map(({ id }) => id)].filter(Number.isSafeInteger));
  const idOf = ({ id }) => (Number.isSafeInteger(id) && !given.has(id) ? id : ++last);
  const marked = lines.map((line) => {
    const id = idOf(line);
    given.add(id);
    return { ...line, id };
  });
  return { lines: marked, lastId: last, customer, delivery };
}

export function cartReducer(state, action) {
  switch (action.type) {
    case "add":
      return added(state, action.item);
    case "take":
      return changed(state, lastOf(state, action.sku)?.id, (line) => ({ ...line, qty: line.qty - 1 }));
    case "set_qty":
      return changed(state, action.id, (line) => ({ ...line, qty: Math.trunc(action.qty) || 0 }));
    case "note":
      return changed(state, action.id, (line) => ({ ...line, notes: action.notes }));
    case "another":
      return withAnother(state, action.id);
    case "customer":
      return { ...state, customer: { ...state.customer, ...action.fields } };
    case "delivery":
      return { ...state, delivery: { ...state.delivery, ...action.fields } };
    case "placed":
      return { ...state, lines: without(state.lines, action.lines ?? state.lines) };
    case "loaded":
      return action.state;
    default:
      return state;
  }
}

/** How many of a dish are in the cart, with whatever notes. */
export function qtyOf(state, sku) {
  return state.lines.reduce((sum, line) => (line.sku === sku ? sum + line.qty : sum), 0);
}

export function countOf(state) {
  return state.lines.reduce((sum, line) => sum + line.qty, 0);
}

/** In minor units. A dish that has left the menu costs nothing here; it can't be ordered either. */
export function totalOf(state, items) {
  return state.lines.reduce((sum, line) => sum + line.qty * (items.get(line.sku)?.price ?? 0), 0);
}

/**
 * What a line is to show besides its note, which only the customer changes.
 *
 * @param {{phase: string, items: Map<string, object>}} menu until it is ready nothing is known to be short
 * @returns {{id: number, test: string, dish: object, qty: number, most: number | null, left: number | null,
 *            isGone: boolean, mayHaveAnother: boolean}}
 *   most: how many it may have, null for any number. left: how many there are, if that is fewer than it has.
 */
export function lineView(state, line, { phase, items }, orderable) {
  const isReady = phase === "ready";
  const [has, item] = [(sku) => (isReady ? orderable(sku) : Infinity), items.get(line.sku)];
  const most = Math.min(MAX_QTY, has(line.sku) - qtyOf(state, line.sku) + line.qty);
  const { id, sku, qty, name, name_en } = line;
  return {
    id, qty, most,
    test: testOf(state, line),
    dish: { sku, name: item?.name ?? name, name_en: item?.name_en ?? name_en, price: item?.price, currency: item?.currency },
    left: leftFor(state, line, has),
    isGone: isReady && !item,
    mayHaveAnother: state.lines.length < MAX_LINES && most > qty,
  };
}

/** How many of a line's dishes there are, if that is fewer than it has, else null. The lines above it come first. */
function leftFor(state, line, orderable) {
  const above = state.lines.slice(0, state.lines.indexOf(line));
  const left = Math.max(0, orderable(line.sku) - qtyOf({ lines: above }, line.sku));
  return left < line.qty ? left : null;
}

/** The first line of a dish is called by it; the others by their place as well. */
function testOf({ lines }, line) {
  const place = lines.filter((other) => other.sku === line.sku).indexOf(line);
  return place > 0 ? `${line.sku}-${place + 1}` : line.sku;
}

/**
 * Why the cart can't be sent, as the name of the first thing that lacks, or null.
 *
 * @param {{has: (sku: string) => boolean, orderable: (sku: string) => number}} menu
 *   orderable: how many may be ordered; 0: sold out or unknown.
 */
export function lackOf(state, { has, orderable }) {
  if (state.lines.length === 0) return "empty";
  if (state.lines.some((line) => !has(line.sku))) return "off_menu";
  if (state.lines.some((line) => orderable(line.sku) < qtyOf(state, line.sku))) return "sold_out";
  if (!state.customer.name.trim()) return "name";
  if (state.customer.phone.trim() && !PHONE.test(state.customer.phone.trim())) return "phone";
  if (state.delivery.kind === "delivery" && !state.delivery.address.trim()) return "address";
  return null;
}

/**
 * The body of `order.place`, without its command id.
 *
 * @param {Map<string, {price: number}>} items of the menu, whose prices the customer was shown: the hub refuses others.
 */
export function orderOf(state, items) {
  const name = state.customer.name.trim();
  const phone = state.customer.phone.trim();
  const address = state.delivery.address.trim();
  const isPriced = state.lines.every(({ sku }) => items.has(sku));
  const lineOf = ({ sku, qty, notes }) => ({
    sku, qty, ...(notes.trim() && { notes: notes.trim() }), ...(isPriced && { unit_price: items.get(sku).price }),
  });
  return {
    customer: phone ? { name, phone } : { name },
    items: state.lines.map(lineOf),
    delivery: state.delivery.kind === "delivery" ? { kind: "delivery", address } : { kind: "pickup" },
    ...(isPriced && { total: totalOf(state, items) }),
  };
}

/** Whether anything here is about a person rather than a meal. */
export function isPersonal({ customer, delivery }) {
  return [customer.name, customer.phone, delivery.address].some((text) => text.trim() !== "");
}

function isText(value) {
  return typeof value === "string";
}

/** One more of a dish: in the line that was begun last. */
function added(state, item) {
  const line = lastOf(state, item.sku);
  if (line && line.qty < MAX_QTY) return changed(state, line.id, (one) => ({ ...one, qty: one.qty + 1 }));
  return withLine(state, item, state.lines.length);
}

/** One more of a line's dish, in a line of its own below it: it is to have another note. */
function withAnother(state, id) {
  const at = state.lines.findIndex((line) => line.id === id);
  return at < 0 ? state : withLine(state, state.lines[at], at + 1);
}

function withLine(state, { sku, name, name_en }, at) {
  if (state.lines.length >= MAX_LINES) return state;
  const line = { id: state.lastId + 1, sku, qty: 1, notes: "", name, name_en };
  return { ...state, lastId: line.id, lines: [...state.lines.slice(0, at), line, ...state.lines.slice(at)] };
}

function changed(state, id, change) {
  const lines = state.lines.map((line) => (line.id === id ? withinBounds(change(line)) : line)).filter((line) => line.qty > 0);
  return { ...state, lines };
}

function withinBounds(line) {
  return { ...line, qty: Math.max(0, Math.min(MAX_QTY, line.qty)) };
}

function lastOf(state, sku) {
  return state.lines.findLast((line) => line.sku === sku);
}

/** What is left of lines when these have been ordered: what was added meanwhile. */
function without(lines, ordered) {
  const gone = new Map(ordered.map(({ id, qty }) => [id, qty]));
  return lines.map((line) => ({ ...line, qty: line.qty - (gone.get(line.id) ?? 0) })).filter((line) => line.qty > 0);
}
