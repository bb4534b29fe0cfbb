/** Short words that come and go, read out by a screen reader. */

import { h } from "./dom.js";
import { errorText } from "./i18n.js";

const SHOWN_MS = 6000;
// There before the first of them: what comes together with its live region is not read out.
const shelf = globalThis.document?.body.appendChild(
  h("div", { class: "toasts", role: "status", "aria-live": "polite", dataset: { test: "toasts" } }));

/** @param {"info" | "good" | "bad"} kind */
export function toast(text, kind = "info") {
  const note = h("div", { class: `toast toast-${kind}` }, text);
  shelf.append(note);
  while (shelf.children.length > 4) shelf.firstElementChild.remove();
  setTimeout(() => note.remove(), SHOWN_MS);
}

/** Tell the reader why a command was refused. */
export function toastError(error) {
  if (!error.code) throw error;
  toast(errorText(error), "bad");
}
