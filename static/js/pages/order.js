/** The page where one orders: menu, cart, the order under way, and the chat. */

import { io } from "/static/vendor/socket.io.esm.min.js";
import { followOrder, forgetOrder, isFollowed } from "../follow.js";
import { newId } from "../ids.js";
import { keep, kept } from "../keep.js";
import { cartReducer, initialCart, isCart, isPending, orderOf, pendingFor } from "../state/cart.js";
import { initialMenu, menuReducer } from "../state/menu.js";
import { hasEnded } from "../state/order.js";
import { createStore } from "../state/store.js";
import { initialTracking, trackingReducer } from "../state/tracking.js";
import { mountCart } from "../ui/cart-view.js";
import { mountChat } from "../ui/chat-view.js";
import { mountConnection } from "../ui/connection.js";
import { $ } from "../ui/dom.js";
import { errorText, onLang, startLang, t } from "../ui/i18n.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { mountMenu } from "../ui/menu-view.js";
import { mountProgress } from "../ui/progress.js";
import { mountPromoBanner } from "../ui/promo-banner.js";
import { mountSheet } from "../ui/sheet.js";
import { toast } from "../ui/toast.js";
import { whileBusy } from "../ui/wait.js";
import { getPatiently } from "../wire/api.js";
import { Hub } from "../wire/hub.js";

await startLang();

const hub = new Hub({ io });
const menu = createStore(menuReducer, initialMenu);
const cart = createStore(cartReducer, kept("cart", isCart) ?? initialCart);
const tracking = createStore(trackingReducer, initialTracking);
let placed = kept("order", isFollowed); // {token, url, code}: the order this device follows
let unfollow = null;

const below = $("#below");
const panel = $("#cart");
const opener = $("[data-test=cart-open]");
const chatOpener = $("[data-test=chat-open]");
const current = $("#current");

mountLangSwitch($("[data-test=lang-switch]"));
mountConnection(hub);
mountPromoBanner(hub, $("#promo"));
mountMenu({ host: $("#menu"), nav: $("#category-links"), menu, cart, onRetry: loadMenu });
mountProgress($("#progress"), tracking);
mountCart({ host: panel, opener, menu, cart, onPlace: place });
const sheet = mountSheet({ panel, opener, closer: $("[data-test=cart-close]"), below: [below, chatOpener, opener] });
mountChat({ hub, opener: chatOpener, below: [below, opener, panel], orderToken: () => placed?.token ?? null, onTracking: adopt });

cart.watch((state) => keep("cart", state));
tracking.watch(showCurrent);
onLang(showCurrent);
$("[data-test=order-dismiss]").addEventListener("click", dismiss);
hub.room("stock", {
  onSnapshot: (snapshot) => menu.dispatch({ type: "stock", snapshot }),
  onEvent: (event) => menu.dispatch({ type: "event", event }),
});
if (placed) follow();
loadMenu();
document.documentElement.dataset.booted = "true"; // boot.js has nothing to say

async function loadMenu() {
  try {
    menu.dispatch({ type: "menu", menu: await getPatiently("/api/menu", { onWait: () => menu.dispatch({ type: "failed" }) }) });
  } catch {
    menu.dispatch({ type: "failed" });
  }
}

/** Send the cart. Until it is answered the command id is kept, over a reload too: a retry is the same order. */
function place(button) {
  return whileBusy(button, async () => {
    const problem = $("[data-test=cart-problem]");
    const order = orderOf(cart.state);
    const pending = pendingFor(kept("pending", isPending), order, newId);
    keep("pending", pending);
    problem.textContent = "";
    button.textContent = t("cart.placing");
    try {
      accepted(await hub.command("order.place", { ...order, command_id: pending.command_id }));
    } catch (error) {
      if (!error.code) throw error;
      if (!error.retryable) keep("pending", null);
      problem.textContent = error.code === "lost" ? t("cart.unsure") : errorText(error);
    } finally {
      button.textContent = t("cart.place");
    }
  });
}

function accepted({ order, tracking: link }) {
  keep("pending", null);
  placed = { token: link.token, url: link.url, code: order.code };
  keep("order", placed);
  cart.dispatch({ type: "placed" });
  tracking.dispatch({ type: "placed", order });
  follow();
  sheet.close();
  toast(t("order.placed", { code: order.code }), "good");
  current.scrollIntoView({ block: "start" });
  current.focus({ preventScroll: true });
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
  current.hidden = !order;
  document.body.classList.toggle("has-order", Boolean(order));
  if (!order) return;
  $("#current-title").textContent = t("order.title", { code: order.code });
  $("[data-test=track-link]").href = linkTo(placed);
  $("[data-test=order-dismiss]").hidden = !hasEnded(order);
}

/** The tracking page on this very host, whatever name the hub knows itself by. */
function linkTo({ url, token }) {
  try {
    return new URL(url, location.origin).pathname;
  } catch {
    return `/t/${token}`;
  }
}

function dismiss() {
  unfollow?.();
  unfollow = null;
  if (placed) forgetOrder(placed.token);
  placed = null;
  keep("order", null);
  tracking.dispatch({ type: "forget" });
}
