import assert from "node:assert/strict";
import { test } from "node:test";
import { cartReducer, countOf, initialCart, isCart, lackOf, lineView, orderOf, qtyOf, totalOf, withIds } from "../../static/js/state/cart.js";
import { groups, initialMenu, menuReducer, orderable, priceChanges } from "../../static/js/state/menu.js";
import { activePromos, initialPromos, promosReducer } from "../../static/js/state/promos.js";

const menu = menuReducer(initialMenu, { type: "menu", menu: {
  categories: [{ id: "tacos", name: "Tacos" }, { id: "vacia", name: "Vacía" }],
  items: [
    { sku: "pastor", name: "Pastor", category: "tacos", price: 2200, currency: "MXN", available: true, left: 3 },
    { sku: "agua", name: "Agua", category: "bebidas", price: 3000, currency: "MXN", available: true },
  ],
} });
const [pastor, agua] = ["pastor", "agua"].map((sku) => menu.items.get(sku));
const reduced = (state, ...actions) => actions.reduce(cartReducer, state);
const plenty = { has: () => true, orderable: () => Infinity };
const filled = reduced(initialCart,
  { type: "add", item: pastor }, { type: "add", item: pastor }, { type: "add", item: agua },
  { type: "note", id: 1, notes: " sin cebolla " }, { type: "customer", fields: { name: " Ana " } });

test("a cart counts and adds up in minor units", () => {
  assert.equal(countOf(filled), 3);
  assert.equal(totalOf(filled, menu.items), 7400);
});

test("none of a dish takes its line away", () => {
  assert.deepEqual(reduced(filled, { type: "set_qty", id: 1, qty: 0 }).lines.map((line) => line.sku), ["agua"]);
});

test("a dish stands in the cart once for each wish, and all of them are ordered", () => {
  const both = reduced(filled, { type: "another", id: 1 }, { type: "note", id: 3, notes: "con todo" });
  assert.deepEqual(both.lines.map(({ sku, qty, notes }) => [sku, qty, notes]), [["pastor", 2, " sin cebolla "], ["pastor", 1, "con todo"], ["agua", 1, ""]]);
  assert.deepEqual([qtyOf(both, "pastor"), totalOf(both, menu.items)], [3, 9600]);
  assert.deepEqual(orderOf(both, new Map()).items, [
    { sku: "pastor", qty: 2, notes: "sin cebolla" }, { sku: "pastor", qty: 1, notes: "con todo" }, { sku: "agua", qty: 1 },
  ]);
});

test("the menu's own plus and minus count in the line that was begun last", () => {
  const both = reduced(filled, { type: "another", id: 1 }, { type: "add", item: pastor });
  assert.deepEqual(both.lines.map((line) => line.qty), [2, 2, 1]);
  assert.deepEqual(reduced(both, { type: "take", sku: "pastor" }, { type: "take", sku: "pastor" }).lines.map((line) => line.qty), [2, 1]);
});

test("a line's id is never given again, so that what was ordered takes nothing else away", () => {
  const emptied = reduced(filled, { type: "placed", lines: filled.lines }, { type: "add", item: agua });
  assert.deepEqual(emptied.lines.map((line) => line.id), [3]);
  const more = reduced(filled, { type: "add", item: pastor }, { type: "placed", lines: filled.lines });
  assert.deepEqual(more.lines.map(({ sku, qty }) => [sku, qty]), [["pastor", 1]]);
});

test("a cart that an older page kept gets ids for its lines; one whose ids repeat gets new ones", () => {
  const { lastId, ...older } = { ...filled, lines: filled.lines.map(({ sku, qty, notes }) => ({ sku, qty, notes })) };
  assert.ok(isCart(older));
  const cart = withIds(older);
  assert.deepEqual([cart.lines.map((line) => line.id), cart.lastId], [[1, 2], 2]);
  const twice = withIds({ ...filled, lastId: undefined, lines: filled.lines.map((line) => ({ ...line, id: 7 })) });
  assert.deepEqual([twice.lines.map((line) => line.id), twice.lastId], [[7, 8], 8]);
});

test("what is left of a dish goes to its lines from above", () => {
  const both = reduced(filled, { type: "another", id: 1 }, { type: "set_qty", id: 3, qty: 2 });
  const views = (left) => both.lines.map((line) => lineView(both, line, menu, (sku) => (sku === "pastor" ? left : Infinity)));
  assert.deepEqual(views(3).map((view) => view.left), [null, 1, null]);
  assert.deepEqual(views(4).map((view) => [view.most, view.mayHaveAnother]), [[2, false], [2, false], [50, true]]);
  assert.deepEqual(views(5).map((view) => [view.most, view.mayHaveAnother]), [[3, true], [3, true], [50, true]]);
  assert.deepEqual(views(5).map((view) => view.test), ["pastor", "pastor-2", "agua"]);
});

test("nothing is short or gone until the menu is here; then a dish that it has not is gone, by name", () => {
  const view = (state) => lineView(filled, filled.lines[0], state, (sku) => orderable(state, sku));
  assert.deepEqual([view(initialMenu).left, view(initialMenu).isGone], [null, false]);
  const gone = view(menuReducer(menu, { type: "menu", menu: { items: [agua] } }));
  assert.deepEqual([gone.isGone, gone.left, gone.dish.name, gone.dish.price], [true, 0, "Pastor", undefined]);
});

test("an order has what the contract names, with the prices that were seen", () => {
  assert.deepEqual(orderOf(filled, menu.items), {
    customer: { name: "Ana" },
    items: [{ sku: "pastor", qty: 2, notes: "sin cebolla", unit_price: 2200 }, { sku: "agua", qty: 1, unit_price: 3000 }],
    delivery: { kind: "pickup" },
    total: 7400,
  });
  const home = reduced(filled, { type: "delivery", fields: { kind: "delivery", address: "Colima 200 " } }, { type: "customer", fields: { phone: "55 1234 5678" } });
  assert.deepEqual(orderOf(home, menu.items).delivery, { kind: "delivery", address: "Colima 200" });
  assert.equal(orderOf(home, menu.items).customer.phone, "55 1234 5678");
});

test("a cart says what it lacks", () => {
  const phone = (text) => reduced(filled, { type: "customer", fields: { phone: text } });
  assert.equal(lackOf(initialCart, plenty), "empty");
  assert.equal(lackOf(filled, { ...plenty, orderable: () => 1 }), "sold_out");
  assert.equal(lackOf(reduced(filled, { type: "another", id: 1 }), { ...plenty, orderable: () => 2 }), "sold_out");
  assert.equal(lackOf(filled, { ...plenty, has: (sku) => sku !== "agua" }), "off_menu");
  assert.equal(lackOf(reduced(filled, { type: "customer", fields: { name: " " } }), plenty), "name");
  assert.equal(lackOf(phone("12"), plenty), "phone");
  assert.equal(lackOf(phone("()()()()"), plenty), "phone");
  assert.equal(lackOf(reduced(filled, { type: "delivery", fields: { kind: "delivery" } }), plenty), "address");
  assert.equal(lackOf(filled, plenty), null);
});

test("a dish that has left the menu keeps its name in the cart, and costs nothing there", () => {
  const gone = menuReducer(menu, { type: "menu", menu: { items: [agua] } });
  assert.equal(filled.lines[0].name, "Pastor");
  assert.equal(totalOf(filled, gone.items), 3000);
  assert.equal(orderOf(filled, gone.items).total, undefined);
});

test("after a refusal the menu has the new prices, and each change is told once", () => {
  const items = [
    { item: 1, sku: "pastor", name: "Pastor", was: 2200, now: 2500 }, { item: 2, sku: "pastor", name: "Pastor", was: 2200, now: 2500 },
    { item: 3, sku: "agua", name: "Agua", now: 3000 },
  ];
  assert.deepEqual(priceChanges(menu, items).map(({ item, was }) => [item.name, was, item.price]), [["Pastor", 2200, 2500]]);
  const now = menuReducer(menu, { type: "prices", items });
  assert.equal(totalOf(filled, now.items), 8000);
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
