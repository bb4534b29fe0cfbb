/** Says as of when the board is, while there is no line: a board that looks alive and is not costs orders. */

import { now } from "../wire/clock.js";
import { h } from "./dom.js";
import { clockTime, onLang, t } from "./i18n.js";

const PATIENCE_MS = 400; // a line that is there at once is not worth a word

/**
 * @param {{hub: object, above: HTMLElement}} parts
 * @returns {{knownAt: (at: number) => void}} to be told of a board that was kept: since when, in milliseconds.
 */
export function mountBoardSince({ hub, above }) {
  const line = h("p", { class: "board-since", role: "status", hidden: true, dataset: { test: "board-since" } });
  above.before(line);
  let at = null;
  let state = null;
  let timer;
  const draw = () => {
    line.hidden = state === "online" || at === null;
    line.textContent = line.hidden ? "" : t("kitchen.since", { time: clockTime(at) });
  };
  const drawSoon = () => {
    clearTimeout(timer);
    if (state === "online" || !line.hidden) draw();
    else timer = setTimeout(draw, PATIENCE_MS);
  };
  hub.watch((next) => {
    if (state === "online" && next !== "online") at = now();
    state = next;
    drawSoon();
  });
  onLang(draw);
  return {
    knownAt(kept_at) {
      at = kept_at;
      drawSoon();
    },
  };
}
