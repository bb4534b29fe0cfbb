import assert from "node:assert/strict";
import { test } from "node:test";
import { cartReducer, countOf, initialCart, lackOf, orderOf, pendingFor, totalOf } from "../../static/js/state/cart.js";
import { groups, initialMenu, menuReducer, orderable } from "../../static/js/state/menu.js";
import { activePromos, initialPromos, promosReducer } from "../../static/js/state/promos.js";

const menu = menuReducer(initialMenu, { type: "menu", menu: {
  categories: [{ id: "tacos", name: "Tacos" }, { id: "vacia", name: "Vacía" }],
  items: [
    { sku: "pastor", name: "Pastor", category: "tacos", price: 2200, currency: "MXN", available: true, left: 3 },
    { sku: "agua", name: "Agua", category: "bebidas", price: 3000, currency: "MXN", available: true },
  ],
} });
const plenty = () => Infinity;
const filled = [
  { type: "add", sku: "pastor" }, { type: "add", sku: "pastor" }, { type: "add", sku: "agua" },
  { type: "note", sku: "pastor", notes: " sin cebolla " }, { type: "customer", fields: { name: " Ana " } },
].reduce(cartReducer, initialCart);

test("a cart counts and adds up in minor units", () => {
  assert.equal(countOf(filled), 3);
  assert.equal(totalOf(filled, menu.items), 7400);
});

test("none of a dish takes its line away", () => {
  assert.deepEqual(cartReducer(filled, { type: "set_qty", sku: "pastor", qty: 0 }).lines.map((line) => line.sku), ["agua"]);
});

test("an order has what the contract names, and nothing else", () => {
  assert.deepEqual(orderOf(filled), {
    customer: { name: "Ana" },
    items: [{ sku: "pastor", qty: 2, notes: "sin cebolla" }, { sku: "agua", qty: 1 }],
    delivery: { kind: "pickup" },
  });
  const home = cartReducer(cartReducer(filled, { type: "delivery", fields: { kind: "delivery", address: "Colima 200 " } }), { type: "customer", fields: { phone: "55 1234 5678" } });
  assert.deepEqual(orderOf(home).delivery, { kind: "delivery", address: "Colima 200" });
  assert.equal(orderOf(home).customer.phone, "55 1234 5678");
});

test("a cart says what it lacks", () => {
  assert.equal(lackOf(initialCart, plenty), "empty");
  assert.equal(lackOf(filled, () => 1), "sold_out");
  assert.equal(lackOf(cartReducer(filled, { type: "customer", fields: { name: " " } }), plenty), "name");
  assert.equal(lackOf(cartReducer(filled, { type: "customer", fields: { phone: "12" } }), plenty), "phone");
  assert.equal(lackOf(cartReducer(filled, { type: "customer", fields: { phone: "()()()()" } }), plenty), "phone");
  assert.equal(lackOf(cartReducer(filled, { type: "delivery", fields: { kind: "delivery" } }), plenty), "address");
  assert.equal(lackOf(filled, plenty), null);
});

test("a retry of the same order keeps its command id; another order gets another", () => {
  let ids = 0;
  const newId = () => `id${++ids}`;
  const first = pendingFor(null, orderOf(filled), newId);
  assert.equal(pendingFor(first, orderOf(filled), newId).command_id, first.command_id);
  const more = cartReducer(filled, { type: "add", sku: "agua" });
  assert.notEqual(pendingFor(first, orderOf(more), newId).command_id, first.command_id);
});

test("stock decides how many may be ordered, and sold out comes back when restocked", () => {
  assert.equal(orderable(menu, "pastor"), 3);
  assert.equal(orderable(menu, "agua"), Infinity);
  assert.equal(orderable(menu, "nada"), 0);
  const out = menuReducer(menu, { type: "event", event: { type: "stock.out", data: { sku: "pastor", name: "Pastor", left: 0 } } });
  assert.equal(orderable(out, "pastor"), 0);
  const back = menuReducer(out, { type: "event", event: { type: "stock.restocked", data: { sku: "pastor", name: "Pastor", left: 40 } } });
  assert.equal(orderable(back, "pastor"), 40);
});

test("a dish of a category nobody named is still on the menu; an empty category is not", () => {
  assert.deepEqual(groups(menu).map((group) => group.category.id), ["tacos", "bebidas"]);
});

test("offers are shown newest first until they expire", () => {
  let state = promosReducer(initialPromos, { type: "snapshot", snapshot: { promos: [{ promo_id: "1", title: "a", message: "", expires_at: "2026-11-20T21:00:00.000Z" }] } });
  state = promosReducer(state, { type: "event", event: { type: "promo.published", data: { promo_id: "2", title: "b", message: "" } } });
  state = promosReducer(state, { type: "event", event: { type: "promo.published", data: { promo_id: "2", title: "b", message: "" } } });
  assert.deepEqual(activePromos(state, Date.parse("2026-11-20T20:59:00.000Z")).map((promo) => promo.promo_id), ["2", "1"]);
  assert.deepEqual(activePromos(state, Date.parse("2026-11-20T21:00:00.000Z")).map((promo) => promo.promo_id), ["2"]);
});
