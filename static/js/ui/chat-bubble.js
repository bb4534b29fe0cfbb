/** One thing that was said in the chat. */

import { h } from "./dom.js";
import { clockTime, errorText, t } from "./i18n.js";
import { here, linked } from "./linked.js";
import { countdown } from "./problem.js";

/**
 * @param {object} one a message, a note, or something not sent yet, as chat.js keeps them
 * @param {{send: (text: string, command_id: string) => void}} conversation
 */
export function bubble(one, conversation) {
  if (one.note) return h("p", { class: "chat-note", dataset: { test: `note-${one.note}` } }, one.url ? h("a", { href: here(one.url) }, noteText(one)) : noteText(one));
  if (!one.author) return sentBubble(one, conversation);
  const mine = one.author.kind === "customer";
  return h("div", { class: `bubble from-${one.author.kind}`, dataset: { test: `message-${one.author.kind}`, state: one.state ?? "" } },
    one.author.kind === "staff" ? h("span", { class: "bubble-name" }, one.author.name) : null,
    h("p", {}, mine ? one.text : linked(one.text)),
    one.state === "stopped" ? h("small", { class: "bubble-mark" }, t("chat.stopped")) : null,
    one.state === "claimed" ? h("small", { class: "bubble-mark" }, t("chat.claimed")) : null,
    one.state === "failed" ? h("small", { class: "bubble-mark bad" }, t("chat.failed")) : null,
    one.at ? h("time", { dateTime: one.at }, clockTime(one.at)) : null);
}

function sentBubble({ command_id, text, failed, until = null }, conversation) {
  const again = () => conversation.send(text, command_id);
  const retry = h("button", { class: "link", type: "button", on: { click: again } }, t("retry"));
  return h("div", { class: `bubble from-customer ${failed ? "unsent" : "sending"}`, dataset: { test: "message-outbox" } },
    h("p", {}, text),
    failed ? h("small", { class: "bubble-mark bad" }, ...whyUnsent(failed, until, retry)) : null);
}

/** A day's bound is not passed by trying again: the way out is said in its place. */
function whyUnsent(code, until, retry) {
  return code === "limit_reached" ? [t("chat.limit_reached")] : [errorText({ code }), ...countdown(until), " ", retry];
}

export function noteText(note) {
  return t(`chat.${note.note}`, note);
}
