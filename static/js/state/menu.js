/** The menu with its stock: what there is, in which groups, and how many of it are left. Pure. */

export const initialMenu = Object.freeze({ phase: "loading", items: new Map(), categories: [] });

export function menuReducer(state, action) {
  switch (action.type) {
    case "menu":
      return { phase: "ready", ...fromAnswer(action.menu) };
    case "prices":
      return { ...state, items: withPrices(state.items, action.items) };
    case "failed":
      return state.phase === "ready" ? state : { ...state, phase: "failed" };
    case "stock":
      return { ...state, items: withLeft(state.items, action.snapshot?.items ?? []) };
    case "event":
      return action.event.type.startsWith("stock.")
        ? { ...state, items: withLeft(state.items, [action.event.data]) }
        : state;
    default:
      return state;
  }
}

/** How many of a dish may be ordered now; Infinity where stock is not counted. */
export function orderable(state, sku) {
  const item = state.items.get(sku);
  if (!item || item.available === false) return 0;
  return Number.isInteger(item.left) ? Math.max(0, item.left) : Infinity;
}

/** `[{category, items}]` in the menu's order; a category without a dish is left out. */
export function groups(state) {
  return state.categories
    .map((category) => ({ category, items: [...state.items.values()].filter((item) => item.category === category.id) }))
    .filter((group) => group.items.length > 0);
}

/**
 * What of a refused order costs something else now.
 *
 * @param {{sku: string, name: string, was?: number, now: number}[]} items of the refusal
 * @returns {{item: object, was: number}[]} each dish once; `item` is the menu's, with its new price.
 */
export function priceChanges(state, items) {
  const changes = new Map();
  for (const { sku, name, was, now } of items) {
    const item = state.items.get(sku) ?? { sku, name };
    const seen = was ?? item.price;
    if (seen !== undefined && seen !== now) changes.set(sku, { item: { ...item, price: now }, was: seen });
  }
  return [...changes.values()];
}

function withPrices(items, reports) {
  const next = new Map(items);
  for (const { sku, now } of reports) if (next.has(sku)) next.set(sku, { ...next.get(sku), price: now });
  return next;
}

function fromAnswer({ items = [], categories = [] }) {
  const known = new Set(categories.map((category) => category.id));
  const rest = [...new Set(items.map((item) => item.category))].filter((id) => !known.has(id));
  return {
    items: new Map(items.map((item) => [item.sku, item])),
    categories: [...categories, ...rest.map((id) => ({ id, name: id ?? "" }))],
  };
}

/** A stock report also says whether the dish is to be had: that is what sold out and back again mean. */
function withLeft(items, reports) {
  const next = new Map(items);
  for (const { sku, left } of reports) {
    const item = next.get(sku);
    if (item) next.set(sku, { ...item, left, available: left === null || left === undefined ? item.available : left > 0 });
  }
  return next;
}
