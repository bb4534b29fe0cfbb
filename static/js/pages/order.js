/** The page where one orders: menu, cart, the order under way, and the chat. */

import { io } from "../../vendor/socket.io.esm.min.js";
import { followOrder, forgetOrder, isFollowed } from "../follow.js";
import { keep, kept, onKeptElsewhere } from "../keep.js";
import { leaveWithPerson } from "../person.js";
import { Placing } from "../placing.js";
import { at } from "../root.js";
import { cartReducer, initialCart, isCart, orderOf, withIds } from "../state/cart.js";
import { initialMenu, menuReducer, priceChanges } from "../state/menu.js";
import { hasEnded } from "../state/order.js";
import { createStore } from "../state/store.js";
import { initialTracking, trackingReducer } from "../state/tracking.js";
import { afterPaint } from "../ui/after-paint.js";
import { changesList, mountCart } from "../ui/cart-view.js";
import { mountChat } from "../ui/chat-view.js";
import { mountConfirming } from "../ui/confirming.js";
import { mountConnection } from "../ui/connection.js";
import { $ } from "../ui/dom.js";
import { errorText, onLang, startLang, t } from "../ui/i18n.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { mountMenu } from "../ui/menu-view.js";
import { mountNotMe } from "../ui/not-me.js";
import { mountNotifyMe } from "../ui/notify-me.js";
import { mountParts } from "../ui/parts.js";
import { mountProblem } from "../ui/problem.js";
import { mountProgress } from "../ui/progress.js";
import { mountPromoBanner } from "../ui/promo-banner.js";
import { mountSheet } from "../ui/sheet.js";
import { toast } from "../ui/toast.js";
import { getPatiently } from "../wire/api.js";
import { Hub } from "../wire/hub.js";

const OF_THE_MENU = new Set(["bad_request", "out_of_stock", "price_changed"]); // what may mean that the page's menu is old

const menu = createStore(menuReducer, initialMenu);
const asked = askMenu(); // it and the texts are on their way already, and are handed over while the rest is made
const hasTexts = startLang();
const hub = new Hub({ io });
const cart = createStore(cartReducer, keptCart());
const tracking = createStore(trackingReducer, initialTracking);
const placing = new Placing({ hub, onPlaced: accepted, onRefused: refused });
let placed = kept("order", isFollowed); // {token, url, code}: the order this device follows
let unfollow = null;

await hasTexts;

const below = $("#below");
const panel = $("#cart");
const opener = $("[data-test=cart-open]");
const chatOpener = $("[data-test=chat-open]");
const current = $("#current");
const problem = mountProblem($("[data-test=cart-problem]"));
const sheet = mountSheet({ panel, opener, closer: $("[data-test=cart-close]"), below: [below, chatOpener, opener] });

mountParts({
  lang: () => mountLangSwitch($("[data-test=lang-switch]")),
  connection: () => mountConnection(hub),
  menu: () => mountMenu({ host: $("#menu"), nav: $("#category-links"), menu, cart, onRetry: loadMenu }),
  order: () => {
    mountProgress($("#progress"), tracking);
    mountNotifyMe($("#notify-me"), { tracking, token: () => placed?.token });
    tracking.watch(showCurrent);
    onLang(showCurrent);
    $("[data-test=order-dismiss]").addEventListener("click", dismiss);
    if (placed) follow();
    mountConfirming({ host: $("#confirming"), placing, menu });
    placing.start();
  },
});
cart.watch((state, before) => state !== before && keep("cart", state));
onKeptElsewhere("cart", () => cart.dispatch({ type: "loaded", state: keptCart() }));
onKeptElsewhere("order", followKept);
leaveWithPerson(() => location.reload());
hub.room("stock", {
  onSnapshot: (snapshot) => menu.dispatch({ type: "stock", snapshot }),
  onEvent: (event) => menu.dispatch({ type: "event", event }),
});
loadMenu(asked);

// On a slow phone the rest takes as long again: dishes can be read, and put into the cart, before it is there.
await Promise.race([asked.catch(() => {}), new Promise((resume) => setTimeout(resume))]); // the menu may also come later
await afterPaint();

mountParts({
  cart: () => mountCart({ host: panel, opener, menu, cart, placing: placing.store, problem, onPlace: place }),
  promos: () => mountPromoBanner(hub, $("#promo")),
  chat: () => mountChat({ hub, opener: chatOpener, below: [below, opener, panel], orderToken: () => placed?.token ?? null, onTracking: adopt }),
  person: () => mountNotMe(document.querySelectorAll(".not-me"), { cart, tracking, leave: () => location.reload() }),
});

document.documentElement.dataset.booted = "true"; // boot.js has nothing to say

function keptCart() {
  const found = kept("cart", isCart);
  return found ? withIds(found) : initialCart;
}

function askMenu() {
  return getPatiently("/api/menu", { onWait: () => menu.dispatch({ type: "failed" }) });
}

async function loadMenu(answer = askMenu()) {
  try {
    menu.dispatch({ type: "menu", menu: await answer });
  } catch (error) {
    if (!error.code) throw error;
    menu.dispatch({ type: "failed" });
  }
}

function place() {
  problem.clear();
  const isTaken = placing.place(orderOf(cart.state, menu.state.items), cart.state.lines);
  if (!isTaken) problem.say("cart.under_way");
}

function accepted({ order, tracking: link }, { lines }) {
  placed = { token: link.token, url: link.url, code: order.code };
  keep("order", placed);
  cart.dispatch({ type: "placed", lines });
  tracking.dispatch({ type: "placed", order });
  follow();
  sheet.close();
  toast(t("order.placed", { code: order.code }), "good");
  current.scrollIntoView({ block: "start" });
  current.focus({ preventScroll: true });
}

/** Nothing was ordered. What of the menu or the stock is not as the page had it is put right first, and shown. */
function refused(error) {
  const { code, values } = error;
  const changes = code === "price_changed" ? priceChanges(menu.state, values.items ?? []) : [];
  if (code === "price_changed") menu.dispatch({ type: "prices", items: values.items ?? [] });
  if (code === "out_of_stock") menu.dispatch({ type: "stock", snapshot: { items: values.items ?? [] } });
  if (OF_THE_MENU.has(code)) loadMenu();
  problem.sayError(code === "bad_request" && values.sku ? { code: "off_menu" } : error, ...(changes.length ? [changesList(changes)] : []));
  if (!sheet.isShown()) toast(errorText(error), "bad");
}

/** The chat follows an order: so does this page. */
function adopt(order) {
  if (order.token === placed?.token) return true;
  if (placed) dismiss();
  placed = order;
  keep("order", placed);
  follow();
  return true;
}

/** Another tab follows another order, or none. */
function followKept() {
  const found = kept("order", isFollowed);
  if (found?.token === placed?.token) return;
  leaveOrder();
  placed = found;
  if (placed) follow();
}

function follow() {
  unfollow?.();
  unfollow = followOrder(hub, placed.token, tracking);
}

function showCurrent() {
  const { order, phase } = tracking.state;
  if (phase === "missing" && placed) {
    dismiss();
    return;
  }
  document.documentElement.classList.toggle("expects-order", Boolean(placed) && phase === "loading");
  current.hidden = !order;
  document.body.classList.toggle("has-order", Boolean(order));
  if (!order) return;
  $("#current-title").textContent = t("order.title", { code: order.code });
  $("[data-test=track-link]").href = linkTo(placed);
  $("[data-test=order-dismiss]").hidden = !hasEnded(order);
}

/** The tracking page on this very host, whatever name the hub knows itself by. */
function linkTo({ token }) {
  return at(`/t/${token}`);
}

function dismiss() {
  leaveOrder();
  keep("order", null);
}

function leaveOrder() {
  unfollow?.();
  unfollow = null;
  if (placed) forgetOrder(placed.token);
  placed = null;
  tracking.dispatch({ type: "forget" });
}
