/** The answer being written: what it is made of, and its words as they come. */

import { h, icon, keyed, replace } from "./dom.js";
import { t } from "./i18n.js";

const MARKS = { started: "clock", done: "check", failed: "cross" };

/**
 * Show the turn under way, or that one is waited for, or nothing. While words arrive, its text grows and
 * nothing else is touched.
 *
 * @param {HTMLElement} host
 * @param {{turn: object | null, waiting: string | null}} state of chat.js
 */
export function drawTurn(host, { turn, waiting }) {
  if (!turn && !waiting) {
    if (host.firstChild) replace(host);
    host.shown = null;
    return;
  }
  const id = `${turn?.turn_id ?? waiting}/${turn?.attempt ?? 0}`;
  if (host.shown !== id) Object.assign(host, { shown: id, parts: begin(host) });
  const { steps, words, dots } = host.parts;
  const text = turn?.text ?? "";
  keyed(steps, turn?.steps ?? [], (one) => one.step, step);
  if (words.textContent !== text) words.textContent = text;
  dots.hidden = text !== "";
}

function begin(host) {
  const parts = {
    steps: h("ul", { class: "steps" }),
    words: h("p", { dataset: { test: "chat-stream" } }),
    dots: h("span", { class: "dots", role: "img", "aria-label": t("chat.writing") }, h("i"), h("i"), h("i")),
  };
  replace(host, h("div", { class: "bubble from-agent streaming", "aria-busy": "true" }, parts.steps, parts.words, parts.dots));
  return parts;
}

function step({ state, text }) {
  return h("li", { dataset: { state } }, icon("icons", MARKS[state] ?? "clock"), h("span", {}, text));
}
