/**
 * The gate over the board: a browser makes no sound until the page is touched, so the page asks for it. The tickets can be
 * read through it; the touch that lifts it presses nothing else.
 */

import { h, icon, replace } from "./dom.js";
import { onLang, t } from "./i18n.js";

const PATIENCE_MS = 600; // a browser that may sound at once says so by then

/** @param {{alarm: object, awake: {take: () => Promise<void>}, later?: Function}} parts */
export function mountGate({ alarm, awake, later = (run, ms) => setTimeout(run, ms) }) {
  const gate = h("button", { class: "gate", type: "button", hidden: true, dataset: { test: "gate" } });
  const words = () => replace(gate, h("span", { class: "gate-card" },
    icon("icons", "bell"), h("strong", {}, t("kitchen.gate")), h("span", {}, t("kitchen.gate_why"))));
  const show = () => (gate.hidden = alarm.isAudible);
  const lookAgain = () => later(show, PATIENCE_MS);
  gate.addEventListener("click", () => {
    gate.hidden = true;
    alarm.allow();
    awake.take();
  });
  addEventListener("pointerdown", () => {
    if (!alarm.isAudible) alarm.allow();
    awake.take();
  }, { capture: true });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "visible" || alarm.isAudible) return;
    alarm.allow(); // a browser that took the sound away may give it back, or wants another touch
    lookAgain();
  });
  alarm.watch((isAudible) => isAudible && (gate.hidden = true));
  document.body.append(gate);
  words();
  onLang(words);
  alarm.begin();
  awake.take();
  lookAgain();
}
