/** The state of the line, visible on every page: a dot in the header, and a band while it is lost. */

import { $, h } from "./dom.js";
import { onLang, t } from "./i18n.js";

const PATIENCE_MS = 1500; // a blink of the network is not worth a band
const BACK_MS = 3500;

export function mountConnection(hub) {
  const dot = $("[data-test=connection]");
  const words = h("span", { class: "connection-words" });
  dot.replaceChildren(h("span", { class: "connection-dot", "aria-hidden": "true" }), words);
  const band = h("div", { class: "band", role: "status", "aria-live": "polite", dataset: { test: "connection-band" } });
  document.body.prepend(band);
  let timer;
  let wasLost = false;

  const say = (key, kind) => {
    band.textContent = key ? t(key) : "";
    band.dataset.kind = kind;
    document.body.classList.toggle("has-band", Boolean(key));
  };
  const show = (state) => {
    clearTimeout(timer);
    dot.dataset.state = state === "connecting" ? "reconnecting" : state;
    words.textContent = t(`connection.${state}`);
    dot.title = t(`connection.${state}`);
    if (state === "online") {
      if (wasLost) {
        say("connection.back", "back");
        timer = setTimeout(() => say(null, "back"), BACK_MS);
      }
      wasLost = false;
      return;
    }
    timer = setTimeout(() => {
      wasLost = true;
      say(state === "offline" ? "connection.band_offline" : "connection.band_lost", "lost");
    }, wasLost ? 0 : PATIENCE_MS);
  };
  hub.watch(show);
  onLang(() => show(hub.state));
}
