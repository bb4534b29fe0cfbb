/** One business day that a manager looks at: its figures, and its orders page by page. Pure. */

/**
 * wish: "today", "yesterday", a date such as "2026-11-20", or null; phase: "none", "loading", "ready", "failed"; today: the figures
 * of the present day, which name it and the one before; next: where the orders go on, or null.
 */
export const noDay = Object.freeze({ wish: null, phase: "none", today: null, figures: null, orders: [], next: null, error: null });

export function dayReducer(state, action) {
  if (action.type === "wish") return { ...noDay, today: state.today, wish: action.wish, phase: action.wish === null ? "none" : "loading" };
  if (action.wish !== state.wish) return state; // the answer to what is not wanted any more
  switch (action.type) {
    case "read":
      return { ...state, phase: "ready", today: action.today, figures: action.figures, orders: action.page.orders, next: action.page.next, error: null };
    case "more":
      return action.from === state.next ? { ...state, orders: [...state.orders, ...action.page.orders], next: action.page.next, error: null } : state;
    case "failed": // what is shown already stays
      return { ...state, phase: state.figures ? "ready" : "failed", error: action.error };
    default:
      return state;
  }
}

/** The date of a wish. @param {{day: string, previous: string}} today */
export function dateOf(wish, today) {
  return { today: today.day, yesterday: today.previous }[wish] ?? wish;
}

/** Which button the day in view belongs to: "today", "yesterday", or null for another day, or none. */
export function choiceOf({ wish, today }) {
  if (!today) return ["today", "yesterday"].includes(wish) ? wish : null;
  return { [today.day]: "today", [today.previous]: "yesterday" }[wish === null ? "" : dateOf(wish, today)] ?? null;
}

/** Figures are kept for weeks, and orders longer: of an old day, the figures say nothing any more. */
export function hasFigures({ figures, orders }) {
  return figures !== null && (figures.orders > 0 || figures.cancelled > 0 || orders.length === 0);
}
