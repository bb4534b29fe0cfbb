/** What is being offered now. Pure. */

const SHOWN = 2;

export const initialPromos = Object.freeze({ promos: [] });

export function promosReducer(state, action) {
  switch (action.type) {
    case "snapshot":
      return { promos: action.snapshot?.promos ?? [] };
    case "event": {
      const { type, data } = action.event;
      if (type !== "promo.published") return state;
      return { promos: [...state.promos.filter((promo) => promo.promo_id !== data.promo_id), data] };
    }
    default:
      return state;
  }
}

/** Those not expired, newest first, at most two. */
export function activePromos(state, now_ms) {
  return state.promos
    .filter((promo) => !promo.expires_at || Date.parse(promo.expires_at) > now_ms)
    .slice(-SHOWN)
    .reverse();
}
