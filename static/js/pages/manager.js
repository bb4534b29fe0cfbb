/** The manager's desk: figures as they change, a promotion for everybody, the stock, the latest orders. */

import { io } from "../../vendor/socket.io.esm.min.js";
import { newId } from "../ids.js";
import { at } from "../root.js";
import { initialMenu, menuReducer } from "../state/menu.js";
import { createStore } from "../state/store.js";
import { mountCancelMany } from "../ui/cancel-many.js";
import { mountConnection } from "../ui/connection.js";
import { mountDay } from "../ui/day-view.js";
import { $, keyed, forgetKeyed } from "../ui/dom.js";
import { mountFieldErrors } from "../ui/field-errors.js";
import { drawFigures } from "../ui/figures-view.js";
import { onLang, startLang, t } from "../ui/i18n.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { orderRow } from "../ui/order-row.js";
import { mountPromoBanner } from "../ui/promo-banner.js";
import { mountStock } from "../ui/stock-view.js";
import { beforeSliding, guardTaps } from "../ui/tap-guard.js";
import { toast, toastError } from "../ui/toast.js";
import { whileBusy } from "../ui/wait.js";
import { mountWakeMe } from "../ui/wake-me.js";
import { mountWebhooks } from "../ui/webhooks-view.js";
import { get, getPatiently } from "../wire/api.js";
import { now } from "../wire/clock.js";
import { Hub } from "../wire/hub.js";
import { dropSession, leaveToLogin, requireRole, signOut } from "../wire/session.js";

const HOUR_MS = 3_600_000;
const REFRESH_MS = 3000; // the lists are read again at most this often

const session = requireRole(["manager"]);
if (session) {
  await startLang();
  start();
  document.documentElement.dataset.booted = "true"; // boot.js has nothing to say
}

function start() {
  const hub = new Hub({ io, token: () => session.token, onDenied });
  const menu = createStore(menuReducer, initialMenu);
  const send = (name, payload) => hub.command(name, { ...payload, command_id: newId() });

  guardTaps();
  mountLangSwitch($("[data-test=lang-switch]"));
  mountConnection(hub);
  mountPromoBanner(hub, $("#promo"));
  mountPromoForm($("#promo-form"), send);
  mountStock({
    host: $("#stock-list"), search: $("[data-test=stock-search]"), menu,
    onSet: (sku, left) => send("stock.set", { sku, left })
      .then(() => menu.dispatch({ type: "stock", snapshot: { items: [{ sku, left }] } }))
      .then(() => toast(t("manager.saved"), "good")),
  });
  $("[data-test=logout]").addEventListener("click", () => signOut(session).then(() => location.assign(at("/login"))));
  mountWakeMe($("#wake-me"), session);
  const sameOrigin = mountCancelMany({ form: $("#cancel-form"), send: (payload) => hub.command("order.cancel_many", payload) });
  const refresh = mountRecent(menu, (id) => get(`/api/orders/${id}`, { token: session.token })
    .then(({ order }) => sameOrigin(order), toastError));
  mountFigures(hub, refresh);
  mountWebhooks({ host: $("#webhooks"), get: (path) => get(path, session), send, onDenied });
  mountDay({ host: $("#day"), get: (path) => get(path, session), onDenied });
  hub.room("stock", {
    onSnapshot: (snapshot) => menu.dispatch({ type: "stock", snapshot }),
    onEvent: (event) => menu.dispatch({ type: "event", event }),
  });
  getPatiently("/api/menu").then((answer) => menu.dispatch({ type: "menu", menu: answer }), toastError);
}

function mountPromoForm(form, send) {
  const fields = mountFieldErrors(form, { expires_at: "hours" });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!fields.check()) return;
    const { title, message, hours } = form.elements;
    const promo = { title: title.value.trim(), message: message.value.trim() };
    if (hours.value) promo.expires_at = new Date(now() + Number(hours.value) * HOUR_MS).toISOString();
    whileBusy($("[data-test=promo-publish]"), () => send("promo.publish", promo).then(() => {
      form.reset();
      toast(t("manager.published"), "good");
    }, (error) => fields.refuse(error) || toastError(error)));
  });
}

function mountFigures(hub, onOrders) {
  const host = $("[data-test=figures]");
  let figures = null;
  const take = (next) => {
    const before = JSON.stringify(figures?.by_status);
    figures = next ?? figures;
    drawFigures(host, figures);
    if (JSON.stringify(figures?.by_status) !== before) onOrders();
  };
  hub.room("floor", {
    onSnapshot: (snapshot) => take(snapshot?.figures),
    onEvent: ({ type, data }) => {
      if (type === "floor.tick") take(data.figures ?? data);
      if (type === "notice.sent") toast(data.message, "bad"); // somebody in a chat asks for a person
    },
    onError: onDenied,
  });
  onLang(() => drawFigures(host, figures));
  drawFigures(host, figures);
}

/** @returns {() => void} asks for the lists to be read again, soon. onPick(id): an order's code was pressed. */
function mountRecent(menu, onPick) {
  const host = $("#recent-list");
  let orders = [];
  let timer = null;
  const draw = () => {
    beforeSliding(host);
    keyed(host, orders, (order) => order.id, (order) => orderRow(order, { test: "recent", onPick }));
  };
  const read = async () => {
    timer = null;
    try {
      orders = (await get("/api/orders?limit=20", { token: session.token })).orders;
      draw();
      if (menu.state.phase === "ready") menu.dispatch({ type: "menu", menu: await get("/api/menu") });
    } catch (error) {
      onDenied(error);
    }
  };
  onLang(() => {
    forgetKeyed(host);
    draw();
  });
  read();
  return () => (timer ??= setTimeout(read, REFRESH_MS));
}

function onDenied(error) {
  if (error.code === "unauthorized") {
    dropSession(session, "expired");
    leaveToLogin("expired");
  } else if (error.code === "forbidden") {
    leaveToLogin("forbidden");
  } else if (!error.code) {
    throw error;
  }
}
