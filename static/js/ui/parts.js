/** Builds a page part by part: one that fails is named to the reader, and the others work. */

import { h } from "./dom.js";
import { onLang, t } from "./i18n.js";

/** @param {Record<string, () => void>} parts by the key of their name in the texts, `part.<key>` */
export function mountParts(parts) {
  const failed = [];
  for (const [name, mount] of Object.entries(parts)) {
    try {
      mount();
    } catch (error) {
      console.error("part %s of the page does not work", name, error);
      failed.push(name);
    }
  }
  if (failed.length) say(failed);
}

function say(failed) {
  const words = h("p", { class: "texts-missing", role: "alert", dataset: { test: "parts-failed" } });
  const draw = () => (words.textContent = t("part.failed", { parts: failed.map((name) => t(`part.${name}`)).join(", ") }));
  draw();
  onLang(draw);
  document.body.prepend(words);
}
