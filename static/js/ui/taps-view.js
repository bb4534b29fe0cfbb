/** The taps that wait, on their tickets and counted above the board; and those refused, until somebody has seen them. */

import { waitingFor } from "../state/taps.js";
import { h, icon, replace } from "./dom.js";
import { errorText, onLang, t } from "./i18n.js";

const PATIENCE_MS = 1000; // a tap that is answered at once is not worth a word

export function mountTaps({ host, board, hub, taps, above }) {
  const count = h("p", { class: "taps-waiting", role: "status", hidden: true, dataset: { test: "taps-waiting" } });
  const refused = h("div", { class: "taps-refused", role: "alert", dataset: { test: "taps-refused" } });
  above.before(count, refused);
  let timer;
  let isLate = false;

  const draw = () => {
    const { waiting } = taps.store.state;
    clearTimeout(timer);
    if (!waiting.length) isLate = false;
    else if (!isLate) timer = setTimeout(() => ((isLate = true), draw()), PATIENCE_MS);
    const isShown = waiting.length > 0 && (isLate || hub.state === "offline" || hub.state === "reconnecting");
    count.hidden = !isShown;
    count.textContent = isShown ? t("taps.waiting", { n: waiting.length }) : "";
    for (const card of host.querySelectorAll(".ticket")) mark(card, isShown);
    replace(refused, taps.store.state.refused.map((tap) => refusal(tap, board.state.orders[tap.order_id], taps)));
  };
  const mark = (card, isShown) => {
    card.querySelector(".ticket-taps")?.remove();
    const waiting = isShown ? waitingFor(taps.store.state, card.dataset.test.slice("card-".length)) : [];
    if (!waiting.length) return;
    card.append(h("ul", { class: "ticket-taps" }, waiting.map((tap) => h("li", { dataset: { test: `tap-${tap.order_id}` } },
      h("span", {}, icon("icons", "clock"), ` ${t("taps.will_send", { what: tap.what })}`),
      h("button", {
        class: "chip", type: "button", dataset: { test: `undo-${tap.order_id}` }, on: { click: () => taps.undo(tap.command_id) },
      }, t("taps.undo"))))));
  };
  taps.store.watch(draw);
  board.watch(draw);
  hub.watch(draw);
  onLang(draw);
}

function refusal(tap, order, taps) {
  const state = order ? t(order.status === "cancelled" ? "taps.now_cancelled" : `kitchen.column.${order.status}`) : t("taps.now_gone");
  return h("div", { class: "taps-refusal", dataset: { test: `refused-${tap.order_id}` } },
    h("p", {}, icon("icons", "alert"), h("span", {}, t("taps.refused", { code: tap.code, what: tap.what }), " ", errorText(tap.error), " ", t("taps.now", { state }))),
    h("button", {
      class: "button", type: "button", dataset: { test: `seen-${tap.order_id}` }, on: { click: () => taps.see(tap.command_id) },
    }, t("taps.seen")));
}
