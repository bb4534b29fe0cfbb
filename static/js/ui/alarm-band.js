/** The band of the orders that nobody has seen yet: it counts them, rings, and leads to the first of them. */

import { listed, unseenCount, unseenOrders } from "../state/board.js";
import { monotonic } from "../wire/clock.js";
import { $, h, icon, replace } from "./dom.js";
import { oncePerTask } from "./frame.js";
import { onLang, t } from "./i18n.js";

const IDLE_MS = 10_000; // nobody is reading the board: it may scroll by itself

/** @param {{band: HTMLElement, host: HTMLElement, store: object, alarm: object}} parts host: the board. */
export function mountAlarmBand({ band, host, store, alarm }) {
  const words = h("span");
  const button = h("button", { type: "button", dataset: { test: "alarm-show" }, on: { click: () => reveal(host, unseenOrders(store.state)[0]) } },
    icon("icons", "bell"), words);
  replace(band, button);
  let rung = 0;
  const draw = () => {
    const n = unseenCount(store.state);
    band.hidden = n === 0;
    const text = n ? t("kitchen.alarm", { n, codes: listed(unseenOrders(store.state).map((order) => order.code), n) }) : "";
    if (words.textContent !== text) words.textContent = text;
    button.title = t("kitchen.alarm_show");
    document.title = `${n ? `(${n}) ` : ""}${t("kitchen.title")} · Doña Carmen`;
    if (n) alarm.ring();
    else alarm.hush();
    if (n > rung && isIdle()) $("#column-received .column-cards", host).scrollTop = 0;
    rung = n;
  };
  const isIdle = watchIdle();
  store.watch(oncePerTask(draw));
  onLang(draw);
}

/** Bring an order into view, and the focus to what it waits for. */
function reveal(host, order) {
  const column = $("#column-received", host);
  column.scrollIntoView({ block: "nearest", inline: "start" });
  const card = order && $(`[data-test="card-${CSS.escape(order.id)}"]`, column);
  card?.scrollIntoView({ block: "nearest", inline: "start" });
  card?.querySelector(".ack")?.focus({ preventScroll: true });
}

/** @returns {() => boolean} whether nobody has touched the page for a while. */
function watchIdle(clock = monotonic) {
  let touched = -Infinity;
  const touch = () => (touched = clock());
  for (const type of ["pointerdown", "keydown", "wheel", "touchmove"]) addEventListener(type, touch, { capture: true, passive: true });
  return () => clock() - touched > IDLE_MS;
}
