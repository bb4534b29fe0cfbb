/** The state of the line, visible on every page: a dot in the header, and a band while it is lost or catching up. */

import { $, h } from "./dom.js";
import { onLang, t } from "./i18n.js";
import { steadily } from "./steady.js";

const PATIENCE_MS = 1500; // a blink of the network is not worth a band
const CATCHING_UP = { after_ms: 400, least_ms: 1200 };
const BACK_MS = 3500;

export function mountConnection(hub) {
  const dot = $("[data-test=connection]");
  const words = h("span", { class: "connection-words" });
  dot.replaceChildren(h("span", { class: "connection-dot", "aria-hidden": "true" }), words);
  const band = h("div", { class: "band", role: "status", "aria-live": "polite", dataset: { test: "connection-band" } });
  document.body.prepend(band);
  let timer;
  let wasLost = false;
  let shown;

  const say = (key, kind) => {
    band.textContent = key ? t(key) : "";
    band.dataset.kind = kind;
    document.body.classList.toggle("has-band", Boolean(key));
  };
  const back = () => {
    say(wasLost ? "connection.back" : null, "back");
    if (wasLost) timer = setTimeout(() => say(null, "back"), BACK_MS);
    wasLost = false;
  };
  const lost = (state) => {
    timer = setTimeout(() => {
      wasLost = true;
      say(state === "offline" ? "connection.band_offline" : "connection.band_lost", "lost");
    }, wasLost || hub.isUnanswered || state === "offline" ? 0 : PATIENCE_MS);
  };
  const show = (state) => {
    clearTimeout(timer);
    shown = state;
    dot.dataset.state = state === "connecting" ? "reconnecting" : state;
    words.textContent = t(`connection.${state}`);
    dot.title = t(`connection.${state}`);
    if (state === "online") back();
    else if (state === "catching_up") say("connection.band_catching_up", "catching-up");
    else lost(state);
  };
  hub.watch(steadily(show, { first: "connecting", ...CATCHING_UP }));
  onLang(() => show(shown));
}
