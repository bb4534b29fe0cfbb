/** Why something was refused, beside what was tried; where the hub says when to try again, with the seconds until then. */

import { now } from "../wire/clock.js";
import { endOfWait } from "../wire/errors.js";
import { h, replace } from "./dom.js";
import { errorText, onLang, t } from "./i18n.js";

const SECOND_MS = 1000;
const MINUTES_FROM_S = 100;

/**
 * @param {HTMLElement} host with role="alert"
 * @returns {{say: (key: string, values?: object, ...more: Node[]) => void, sayError: (error: object, ...more: Node[]) => void,
 *            clear: () => void}}
 */
export function mountProblem(host) {
  let make = () => [];
  const draw = (parts) => {
    make = parts;
    replace(host, ...make());
  };
  onLang(() => draw(make));
  return {
    say: (key, values, ...more) => draw(() => [t(key, values), ...more]),
    sayError: (error, ...more) => {
      const until = endOfWait(error);
      draw(() => [errorText(error), ...countdown(until), ...more]);
    },
    clear: () => draw(() => []),
  };
}

/** The seconds until then, counting down. They are read out once. */
export function countdown(until_ms) {
  if (until_ms === null) return [];
  const left = () => secondsTo(until_ms, now());
  const shown = h("span", { class: "wait", "aria-hidden": "true" }, waitWords(left()));
  const timer = setInterval(() => {
    shown.textContent = waitWords(left());
    if (left() === 0 || !shown.isConnected) clearInterval(timer);
  }, SECOND_MS);
  return [" ", h("span", { class: "unseen" }, waitWords(left())), shown];
}

/** Whole seconds until then, at least one as long as it lies ahead. */
export function secondsTo(until_ms, now_ms) {
  return Math.max(0, Math.ceil((until_ms - now_ms) / SECOND_MS));
}

/** "Try again in 12 s", in minutes where it is long. */
function waitWords(seconds) {
  if (seconds === 0) return t("wait.over");
  return seconds < MINUTES_FROM_S ? t("wait.seconds", { n: seconds }) : t("wait.minutes", { n: Math.ceil(seconds / 60) });
}
