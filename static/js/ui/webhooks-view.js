/** Webhooks on the manager's desk: each endpoint's state, and what did not arrive, to be sent again. */

import { $, h, replace } from "./dom.js";
import { onLang, t } from "./i18n.js";
import { toast, toastError } from "./toast.js";
import { whileBusy } from "./wait.js";

const REFRESH_MS = 30000;
const STATES = {
  enabled: "webhooks.state.enabled",
  paused: "webhooks.state.paused",
  gone: "webhooks.state.gone",
  failing: "webhooks.state.failing",
};

/**
 * @param {{host: HTMLElement, get: (path: string) => Promise<object>, send: (name: string, payload: object) => Promise<object>,
 *          onDenied: (error: Error) => void}} parts get: the hub's HTTP side; send: a command.
 * @returns {() => Promise<void>} reads the endpoints again.
 */
export function mountWebhooks({ host, get, send, onDenied }) {
  const list = $("[data-test=webhooks]", host);
  let webhooks = [];

  const draw = () => {
    host.hidden = !webhooks.length;
    replace(list, ...webhooks.map((webhook) => row(webhook, { replay, enable })));
  };
  const read = async () => {
    try {
      ({ webhooks } = await get("/api/webhooks"));
      draw();
    } catch (error) {
      if (!error.retryable) onDenied(error);
    }
  };
  const replay = (button, id) => whileBusy(button, () => send("webhook.replay", { webhook_id: id })
    .then(({ replayed }) => toast(t("webhooks.replayed", { n: replayed }), "good"), toastError).then(read));
  const enable = (button, id) => whileBusy(button, () => send("webhook.change", { webhook_id: id, enabled: true })
    .then(() => toast(t("webhooks.enabled"), "good"), toastError).then(read));

  onLang(draw);
  read();
  setInterval(read, REFRESH_MS);
  return read;
}

function row({ id, url, description, state, dead }, { replay, enable }) {
  const on = state === "enabled";
  return h("li", { class: "webhook", dataset: { test: "webhook", state } },
    h("span", { class: "webhook-name" }, description || new URL(url).hostname),
    h("span", { class: "webhook-state" }, t(STATES[state] ?? "webhooks.state.unknown")),
    dead > 0 && h("span", { dataset: { test: "webhook-dead" } }, t("webhooks.dead", { n: dead })),
    !on && button("webhook-enable", "webhooks.enable", (event) => enable(event.currentTarget, id)),
    on && dead > 0 && button("webhook-replay", "webhooks.replay", (event) => replay(event.currentTarget, id)));
}

function button(test, text, click) {
  return h("button", { class: "button", type: "button", dataset: { test }, on: { click } }, t(text));
}
