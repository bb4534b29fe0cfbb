import assert from "node:assert/strict";
import { test } from "node:test";
import { countsReducer, isNews, noCounts } from "../../static/js/state/stock-news.js";

const event = (kind, left, sku = "pastor") => ({ type: `stock.${kind}`, data: { sku, name: "Pastor", left } });

test("a dish is back only if it was gone: a count from 200 to 150 is told to nobody", () => {
  let counts = countsReducer(noCounts, { type: "snapshot", snapshot: { items: [{ sku: "pastor", left: 200 }, { sku: "flan", left: 0 }] } });
  assert.equal(isNews(counts, event("restocked", 150)), false);
  assert.equal(isNews(counts, event("restocked", 9, "flan")), true);
  assert.equal(isNews(counts, event("restocked", 9, "nobody-counted")), false);
  counts = countsReducer(counts, { type: "event", event: event("out", 0) });
  assert.equal(isNews(counts, event("restocked", 150)), true);
});

test("a dish that runs out is news once, one that runs low always", () => {
  const counts = countsReducer(noCounts, { type: "event", event: event("low", 2) });
  assert.equal(isNews(counts, event("low", 1)), true);
  assert.equal(isNews(counts, event("out", 0)), true);
  assert.equal(isNews(countsReducer(counts, { type: "event", event: event("out", 0) }), event("out", 0)), false);
});
