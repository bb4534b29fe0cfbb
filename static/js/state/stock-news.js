/** What of a stock event is news: a count by hand that changes nothing for whoever cooks is none. Pure. */

export const noCounts = Object.freeze(new Map()); // dish to how many are left

export function countsReducer(counts, { type, snapshot, event }) {
  if (type === "snapshot") return new Map((snapshot?.items ?? []).map(({ sku, left }) => [sku, left]));
  return new Map(counts).set(event.data.sku, event.data.left);
}

/** Whether to tell of it. `counts` are those before the event: there is no "back again" of a dish that was there. */
export function isNews(counts, { type, data }) {
  const before = counts.get(data.sku);
  if (type === "stock.restocked") return before === 0;
  return type === "stock.low" || before !== 0;
}
