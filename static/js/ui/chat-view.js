/** The chat drawer: the conversation, what the answer is being made of, and a place to write. */

import { createStore } from "../state/store.js";
import { chatReducer, initialChat, stoppable, unsaidSummary } from "../state/chat.js";
import { Conversation } from "../conversation.js";
import { at } from "../root.js";
import { $, h, icon, keyed, forgetKeyed, replace } from "./dom.js";
import { onLang, t } from "./i18n.js";
import { bubble, noteText } from "./chat-bubble.js";
import { drawTurn } from "./chat-turn.js";
import { mountSheet } from "./sheet.js";
import { toastError } from "./toast.js";

const CHIPS = ["chat.chip_where", "chat.chip_menu", "chat.chip_order"];

/**
 * @param {{hub: object, opener: HTMLElement, below: HTMLElement[], orderToken: () => string | null, onTracking?: Function}} parts
 *   below: what the drawer covers on a phone; onTracking: as Conversation has it.
 */
export function mountChat({ hub, opener, below, orderToken, onTracking }) {
  const store = createStore(chatReducer, initialChat);
  const conversation = new Conversation(hub, store, orderToken, onTracking);
  const panel = document.body.appendChild(skeleton());
  const part = (test) => $(`[data-test=${test}]`, panel);
  const [log, input, send, stop, voice] = ["chat-log", "chat-input", "chat-send", "chat-stop", "chat-voice"].map(part);
  const [list, working] = [$(".bubbles", panel), $(".working", panel)];
  const [confirm, forget] = [part("chat-confirm"), part("chat-forget")];

  const open = () => conversation.open().catch((error) => store.dispatch({ type: "failed", code: error.code ?? "internal" }));
  const sheet = mountSheet({ panel, opener, closer: part("chat-close"), below, first: () => input, onOpen: open });
  const say = (text) => {
    if (!text.trim()) return;
    conversation.send(text.trim()).catch(toastError);
    log.scrollTop = log.scrollHeight;
  };

  $("form", panel).addEventListener("submit", (event) => {
    event.preventDefault();
    say(input.value);
    input.value = "";
    grow(input);
  });
  input.addEventListener("input", () => grow(input));
  input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      $("form", panel).requestSubmit();
    }
  });
  confirm.addEventListener("click", () => say(store.state.confirm?.say ?? ""));
  stop.addEventListener("click", () => conversation.stop().catch(toastError));
  forget.addEventListener("click", () => window.confirm(t("chat.forget_sure")) && conversation.forget().catch(toastError));

  const draw = (state, before) => {
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
    keyed(list, [...state.messages, ...state.outbox], idOf, (one) => bubble(one, conversation));
    drawTurn(working, state);
    $(".chips", panel).hidden = state.messages.length > 0 || state.outbox.length > 0;
    $(".chat-mode", panel).textContent = t(state.mode === "person" ? "chat.mode_person" : "chat.mode_agent");
    const busy = Boolean(stoppable(state));
    forget.hidden = state.messages.length === 0;
    stop.hidden = !busy;
    send.hidden = busy;
    confirm.parentElement.hidden = busy || !state.confirm;
    const summary = $(".confirm-summary", panel);
    summary.textContent = unsaidSummary(state);
    summary.hidden = !summary.textContent;
    const last = state.messages.at(-1);
    const isNews = before.phase === "live" && last && last.message_id !== before.messages.at(-1)?.message_id && last.author?.kind !== "customer";
    if (isNews) voice.textContent = last.note ? noteText(last) : last.text; // read out whole, not word by word
    if (atEnd) log.scrollTop = log.scrollHeight;
  };
  const label = () => {
    panel.setAttribute("aria-label", t("chat.title"));
    $(".chat-title", panel).textContent = t("chat.title");
    input.placeholder = t("chat.placeholder");
    input.setAttribute("aria-label", t("chat.placeholder"));
    send.setAttribute("aria-label", t("chat.send"));
    replace(stop, icon("icons", "stop"), h("span", {}, t("chat.stop")));
    replace(confirm, icon("icons", "check"), h("span", {}, t("chat.confirm")));
    part("chat-close").setAttribute("aria-label", t("close"));
    replace($(".chips", panel), CHIPS.map((key, index) =>
      h("button", { type: "button", dataset: { test: `chip-${index}` }, on: { click: () => say(t(key)) } }, t(key))));
    $(".chat-hello", panel).textContent = t("chat.hello");
    forget.textContent = t("chat.forget");
    forgetKeyed(list);
    draw(store.state, store.state);
  };
  label();
  store.watch(draw);
  onLang(label);
  if (conversation.isKnown) open();
  if (location.hash === "#chat") sheet.open();
  return { open: sheet.open };
}

function skeleton() {
  return h("section", { class: "chat", id: "chat", dataset: { test: "chat-panel" } },
    h("header", { class: "chat-head" },
      h("img", { src: at("/static/favicon.svg"), alt: "", width: 40, height: 40 }),
      h("div", {}, h("h2", { class: "chat-title" }), h("p", { class: "chat-mode" })),
      h("button", { class: "round", type: "button", dataset: { test: "chat-close" } }, icon("icons", "close"))),
    h("div", { class: "chat-log", role: "log", "aria-live": "off", tabIndex: 0, dataset: { test: "chat-log" } },
      h("p", { class: "chat-hello" }),
      h("button", { class: "link chat-forget", type: "button", hidden: true, dataset: { test: "chat-forget" } }),
      h("div", { class: "bubbles" }), h("div", { class: "working" })),
    h("div", { class: "chips" }),
    h("div", { class: "confirm", hidden: true },
      h("p", { class: "confirm-summary" }),
      h("button", { class: "button", type: "button", dataset: { test: "chat-confirm" } })),
    h("form", { class: "chat-form" },
      h("textarea", { rows: 1, maxLength: 2000, required: true, dataset: { test: "chat-input" } }),
      h("button", { class: "round send", type: "submit", dataset: { test: "chat-send" } }, icon("icons", "send")),
      h("button", { class: "button stop", type: "button", hidden: true, dataset: { test: "chat-stop" } })),
    h("p", { class: "unseen", role: "status", "aria-live": "polite", dataset: { test: "chat-voice" } }));
}

function idOf(said) {
  return said.message_id ?? `out:${said.command_id}`;
}

function grow(input) {
  input.classList.toggle("tall", input.value.length > 40 || input.value.includes("\n"));
}
