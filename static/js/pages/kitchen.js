/** The kitchen's board: one tap a step, and an alarm until every new order was seen. */

import { io } from "../../vendor/socket.io.esm.min.js";
import { readPages } from "../board-pages.js";
import { keep, kept } from "../keep.js";
import { readKeptRoom } from "../kept-room.js";
import { at } from "../root.js";
import { boardReducer, initialBoard, isBoard, needsReread } from "../state/board.js";
import { countsReducer, isNews, noCounts } from "../state/stock-news.js";
import { createStore } from "../state/store.js";
import { MOST_WAITING } from "../state/taps.js";
import { Taps } from "../taps.js";
import { openActions, openCouriers } from "../ui/action-dialog.js";
import { Alarm } from "../ui/alarm.js";
import { mountAlarmBand } from "../ui/alarm-band.js";
import { keepAwake } from "../ui/awake.js";
import { mountBoardSince } from "../ui/board-since.js";
import { mountBoard } from "../ui/board-view.js";
import { mountConnection } from "../ui/connection.js";
import { $, icon, h, replace } from "../ui/dom.js";
import { mountGate } from "../ui/gate.js";
import { clockTime, onLang, startLang, t } from "../ui/i18n.js";
import { mountJustEnded } from "../ui/just-ended-view.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { reasonWords, whyCancelled } from "../ui/reasons.js";
import { showSessionEnded } from "../ui/session-ended.js";
import { guardTaps } from "../ui/tap-guard.js";
import { mountTaps } from "../ui/taps-view.js";
import { toast, toastError } from "../ui/toast.js";
import { mountUndo } from "../ui/undo.js";
import { mountWakeMe } from "../ui/wake-me.js";
import { whileBusy } from "../ui/wait.js";
import { get } from "../wire/api.js";
import { now } from "../wire/clock.js";
import { Hub } from "../wire/hub.js";
import { Keepsake } from "../wire/keepsake.js";
import { currentSession, dropSession, hasRole, requireRole, signOut } from "../wire/session.js";

const MAX_KEPT = 500; // orders over a reload: writing down more of them would hold the page up at every event

const alarm = new Alarm();
const session = requireRole(["kitchen", "manager", "courier", "support"], { onExpired: () => end("expired") });
if (session) {
  await startLang();
  start();
  document.documentElement.dataset.booted = "true"; // boot.js has nothing to say
}

function start() {
  const hub = new Hub({ io, token: () => session.token, onDenied });
  const store = createStore(boardReducer, initialBoard);
  const dialog = $("dialog");
  const taps = new Taps({ hub, owner: session.principal.id ?? session.principal.name ?? "staff", onDenied });
  const send = commands(taps, session, dialog);
  const offerUndo = mountUndo({ store, roles: session.principal.roles, recall: send.recall });
  const advance = async (order, control, to) => {
    if (await send.advance(order, control, to)) offerUndo(order, to, t(`kitchen.to.${order.delivery.kind}.${to}`));
  };
  const dismiss = (order) => store.dispatch({ type: "dismiss", order_id: order.id });

  guardTaps();
  mountLangSwitch($("[data-test=lang-switch]"));
  mountConnection(hub);
  const rest = $("[data-test=board-rest]");
  const drawn = mountBoard({ host: $(".board"), tabs: $(".tabs"), rest, store, act: { ...send, advance, dismiss } });
  const since = mountBoardSince({ hub, above: rest });
  mountTaps({ host: $(".board"), board: store, drawn, hub, taps, above: rest });
  const read = (path) => get(path, session);
  const ended = mountJustEnded({
    host: $("[data-test=ended-orders]"), board: store, roles: session.principal.roles, recall: send.recall, get: read, onDenied,
  });
  mountSound(alarm, $("[data-test=sound-on]"));
  mountAlarmBand({ band: $("[data-test=alarm]"), host: $(".board"), store, alarm });
  $("[data-test=logout]").addEventListener("click", () => signOut(session).then(() => location.assign(at("/login"))));
  $("[data-test=to-manager]").hidden = !hasRole(session, ["manager"]);
  const showTime = () => ($(".wallclock").textContent = clockTime(now()));
  showTime();
  setInterval(showTime, 1000);

  mountWakeMe($("#wake-me"), session);
  mountGate({ alarm, awake: keepAwake({ onMissing: tellOfScreen }) });
  readBoard(hub, store, session, { since, ended });
  readPages(store, { get: read, onDenied });
  readStock(hub);
}

function readBoard(hub, store, session, { since, ended }) {
  const mayKeep = () => currentSession()?.token === session.token;
  const keepsake = new Keepsake("kitchen", { owner: session.principal.id ?? "", isSound: isBoard, mayKeep });
  const leave = readKeptRoom(hub, "kitchen", store, {
    keepsake,
    isWorthKeeping: ({ orders }) => Object.keys(orders).length <= MAX_KEPT,
    onRestored: (_, at) => since.knownAt(at),
    onSnapshot: (snapshot) => store.dispatch({ type: "snapshot", snapshot }),
    onEvent: (event) => {
      ended.hear(event);
      store.dispatch({ type: "event", event });
      announce(event, store.state);
      if (!needsReread(store.state)) return;
      store.dispatch({ type: "reread" });
      leave();
      keepsake.forget(); // to be read whole
      readBoard(hub, store, session, { since, ended });
    },
    onError: onDenied,
  });
}

/** The board's room tells of the stock as well, but not how much there was before. */
function readStock(hub) {
  const counts = createStore(countsReducer, noCounts);
  hub.room("stock", {
    onSnapshot: (snapshot) => counts.dispatch({ type: "snapshot", snapshot }),
    onEvent: (event) => {
      if (isNews(counts.state, event)) announceStock(event);
      counts.dispatch({ type: "event", event });
    },
  });
}

/** What the tickets' controls do: each is a tap, sent once, now or when the connection is back. */
function commands(taps, { token }, dialog) {
  const couriers = courierList(token);
  const tap = (name, order, payload, what) => {
    const answered = taps.tap(name, order, payload, what);
    if (!answered && taps.store.state.waiting.length >= MOST_WAITING) toast(t("taps.full"), "bad");
    return answered;
  };
  const act = {
    advance: (order, control, to) => whileBusy(control, () =>
      tap("order.advance", order, { to, version: order.version }, t(`kitchen.to.${order.delivery.kind}.${to}`))),
    acknowledge: (order, control) => whileBusy(control, () => tap("order.acknowledge", order, {}, t("kitchen.acknowledge"))),
    accept: (order, control) => whileBusy(control, () => tap("order.accept", order, {}, t("kitchen.accept"))),
    mark: (order, control, line) => whileBusy(control, async () => {
      const done = control.checked;
      const what = t(done ? "taps.item_done" : "taps.item_undone", { name: line.name });
      if (!(await tap("order.mark_item", order, { item: line.item, done }, what))) control.checked = !done;
    }),
    delay: (order, chosen) => tap("order.delay", order, chosen, t("kitchen.delay")),
    recall: (order, chosen) => tap("order.recall", order, chosen, t("kitchen.recall")),
    cancel: (order, chosen) => tap("order.cancel", order, chosen, t("kitchen.cancel")),
    more: (order) => openActions(dialog, order, act),
    courier: (order, control) => whileBusy(control, async () => {
      const known = await couriers().catch(toastError);
      if (!known) return;
      openCouriers(dialog, order, known, ({ id, name }) =>
        tap("order.assign_courier", order, { courier_id: id }, t("taps.courier", { name })));
    }),
  };
  return act;
}

/** The couriers; without a line, those last heard of: an order can be handed out all the same. */
function courierList(token) {
  let known = null;
  const read = async () => {
    try {
      known = (await get("/api/staff?role=courier", { token })).staff;
    } catch (error) {
      if (!known || !error.retryable) throw error;
    }
    return known;
  };
  read().catch((error) => {
    if (!error.code) throw error; // asked again when somebody wants them
  });
  return read;
}

function mountSound(alarm, button) {
  const draw = (audible) => {
    button.setAttribute("aria-pressed", String(audible));
    button.classList.toggle("on", audible);
    button.setAttribute("aria-label", t(audible ? "kitchen.sound_on" : "kitchen.sound_off"));
    replace(button, icon("icons", audible ? "bell" : "mute"), h("span", {}, t(audible ? "kitchen.sound_on" : "kitchen.sound_off")));
  };
  button.addEventListener("click", async () => {
    await alarm.allow();
    alarm.test();
  });
  alarm.watch(draw);
  onLang(() => draw(alarm.isAudible));
}

/** Once a device: it does not get better by being told again. */
function tellOfScreen() {
  if (kept("screen_told", (told) => told === true)) return;
  keep("screen_told", true);
  toast(t("kitchen.screen"));
}

function announce({ type, data }, { orders }) {
  const code = orders[data?.order_id]?.code ?? "";
  if (type === "order.cancelled") toast(t("kitchen.told_cancelled", { code, reason: whyCancelled(orders[data.order_id], data) }), "bad");
  else if (type === "order.delayed") toast(t("kitchen.told_delayed", { code, minutes: data.minutes, reason: reasonWords(data) }));
  else if (type === "order.recalled") toast(t("kitchen.told_recalled", { code, reason: reasonWords(data) }));
}

function announceStock({ type, data }) {
  toast(t(`kitchen.${type}`, { name: data.name, left: data.left }), type === "stock.out" ? "bad" : "info");
}

function onDenied(error) {
  if (error.code === "unauthorized") {
    dropSession(session, "expired");
    end("expired");
  } else if (error.code === "forbidden") {
    end("forbidden");
  }
}

function end(why) {
  showSessionEnded({ board: $(".board"), alarm, why });
}
