/** The taps that wait, on their tickets and counted above the board; and those refused, until somebody has seen them. */

import { waitingFor } from "../state/taps.js";
import { h, icon, replace } from "./dom.js";
import { errorText, onLang, t } from "./i18n.js";

const PATIENCE_MS = 1000; // a tap that is answered at once is not worth a word

/** @param {{onDraw: Function}} parts drawn: of the board; a ticket that was built anew has lost what was marked on it. */
export function mountTaps({ host, board, drawn, hub, taps, above }) {
  const count = h("p", { class: "taps-waiting", role: "status", hidden: true, dataset: { test: "taps-waiting" } });
  const refused = h("div", { class: "taps-refused", role: "alert", dataset: { test: "taps-refused" } });
  above.before(count, refused);
  let timer;
  let isLate = false;
  let told = "[]";
  let isMarked = false;

  const draw = () => {
    const { waiting } = taps.store.state;
    clearTimeout(timer);
    if (!waiting.length) isLate = false;
    else if (!isLate) timer = setTimeout(() => ((isLate = true), draw()), PATIENCE_MS);
    const isShown = waiting.length > 0 && (isLate || hub.state === "offline" || hub.state === "reconnecting");
    count.hidden = !isShown;
    const words = isShown ? t(taps.isKept ? "taps.waiting" : "taps.waiting_here", { n: waiting.length }) : "";
    if (count.textContent !== words) count.textContent = words;
    isMarked = isShown;
    markAll();
    drawRefused();
  };
  const markAll = () => {
    const ids = new Set(isMarked ? taps.store.state.waiting.map((tap) => tap.order_id) : []);
    for (const card of host.querySelectorAll("[data-taps]")) if (!ids.has(idOf(card))) mark(card, isMarked);
    for (const id of ids) {
      const card = host.querySelector(`[data-test="card-${CSS.escape(id)}"]`);
      if (card) mark(card, isMarked);
    }
  };
  const idOf = (card) => card.dataset.test.slice("card-".length);
  const mark = (card, isShown) => {
    const waiting = isShown ? waitingFor(taps.store.state, idOf(card)) : [];
    const shown = waiting.map((tap) => tap.command_id + (tap.tried ? "!" : "")).join();
    if ((card.dataset.taps ?? "") === shown) return; // an event elsewhere takes no focus from here
    if (shown) card.dataset.taps = shown;
    else delete card.dataset.taps;
    card.querySelector(".ticket-taps")?.remove();
    if (waiting.length) card.append(h("ul", { class: "ticket-taps" }, waiting.map((tap) => row(tap, taps))));
  };
  const drawRefused = () => {
    const rows = taps.store.state.refused.map((tap) => ({ ...tap, words: wordsOf(tap, board.state.orders[tap.order_id]) }));
    const said = JSON.stringify(rows.map((one) => [one.command_id, one.words]));
    if (said === told) return; // an alert is read out once
    told = said;
    replace(refused, rows.map((one) => refusal(one, taps)));
  };
  taps.store.watch(draw);
  board.watch(drawRefused);
  drawn.onDraw(markAll);
  hub.watch(draw);
  onLang(draw);
}

function row(tap, taps) {
  return h("li", { dataset: { test: `tap-${tap.order_id}` } },
    icon("icons", "clock"), h("span", {}, t("taps.will_send", { what: tap.what })),
    tap.tried ? null : h("button", {
      class: "chip", type: "button", "aria-label": t("taps.undo_named", { what: tap.what }),
      dataset: { test: `undo-${tap.order_id}` }, on: { click: () => taps.undo(tap.command_id) },
    }, t("taps.undo")));
}

function wordsOf(tap, order) {
  const state = order ? t(order.status === "cancelled" ? "taps.now_cancelled" : `kitchen.column.${order.status}`) : t("taps.now_gone");
  return `${t("taps.refused", { code: tap.code, what: tap.what })} ${errorText(tap.error)} ${t("taps.now", { state })}`;
}

function refusal({ command_id, order_id, words }, taps) {
  return h("div", { class: "taps-refusal", dataset: { test: `refused-${order_id}` } },
    h("p", {}, icon("icons", "alert"), h("span", {}, words)),
    h("button", {
      class: "button", type: "button", dataset: { test: `seen-${order_id}` }, on: { click: () => taps.see(command_id) },
    }, t("taps.seen")));
}
