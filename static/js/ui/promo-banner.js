/** What is being offered, on a band across the page. */

import { activePromos, initialPromos, promosReducer } from "../state/promos.js";
import { createStore } from "../state/store.js";
import { clock, now } from "../wire/clock.js";
import { clockTime, onLang, t } from "./i18n.js";
import { h, icon, replace } from "./dom.js";

const RECHECK_MS = 15000; // an offer that expires leaves by itself

/** @param {HTMLElement} host an empty element; hidden while there is no offer. */
export function mountPromoBanner(hub, host) {
  const store = createStore(promosReducer, initialPromos);
  host.setAttribute("role", "status");
  host.setAttribute("aria-live", "polite");
  host.dataset.test = "promo-banner";
  let shown = "";
  const show = () => {
    const promos = activePromos(store.state, now());
    const wanted = JSON.stringify(promos);
    if (wanted === shown) return;
    shown = wanted;
    host.hidden = promos.length === 0;
    replace(host, promos.map(ticket));
  };
  store.watch(show);
  setInterval(show, RECHECK_MS);
  clock.watch(show);
  onLang(() => {
    shown = "";
    show();
  });
  hub.room("promos", {
    onSnapshot: (snapshot) => store.dispatch({ type: "snapshot", snapshot }),
    onEvent: (event) => store.dispatch({ type: "event", event }),
  });
}

function ticket(promo) {
  const until = promo.expires_at && t("promo.until", { time: clockTime(promo.expires_at) });
  return h("div", { class: "promo" },
    icon("icons", "star", { className: "icon promo-star" }),
    h("p", {}, h("strong", {}, promo.title), " ", h("span", {}, promo.message), " ", until && h("small", {}, until)));
}
