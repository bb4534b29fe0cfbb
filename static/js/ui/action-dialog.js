/** What can be done to an order besides its next step: a delay, a step back, a cancellation, a courier. */

import { h, icon, replace } from "./dom.js";
import { t } from "./i18n.js";
import { REASONS, writtenReason } from "./reasons.js";

const DELAYS = [5, 10, 15, 30]; // minutes
const USUAL_DELAY = 10;
const PICTURES = { delay: "clock", recall: "back", cancel: "cancelled" };

/**
 * @param {HTMLDialogElement} dialog
 * @param {object} order
 * @param {{delay: Function, recall: Function, cancel: Function}} act each given the order and what was chosen.
 */
export function openActions(dialog, order, act) {
  const recallable = order.status === "preparing" || order.status === "ready";
  const kinds = ["delay", ...(recallable ? ["recall"] : []), "cancel"];
  show(dialog, order, h("div", { class: "action-kinds" }, kinds.map((kind) =>
    h("button", {
      class: `button act-${kind}`, type: "button", dataset: { test: `act-${kind}` },
      on: { click: () => openReason(dialog, order, kind, act) },
    }, icon("icons", PICTURES[kind]), h("span", {}, t(`kitchen.${kind}`))))));
}

/** @param {{id: string, name: string}[]} couriers */
export function openCouriers(dialog, order, couriers, onPick) {
  show(dialog, order,
    h("p", {}, t(couriers.length ? "kitchen.pick_courier" : "kitchen.no_courier")),
    h("div", { class: "action-kinds" }, couriers.map((courier) =>
      h("button", {
        class: "button", type: "button", dataset: { test: `pick-${courier.id}` },
        "aria-pressed": String(order.courier?.id === courier.id),
        on: { click: () => close(dialog, () => onPick(courier)) },
      }, icon("icons", "person"), h("span", {}, courier.name)))));
}

function openReason(dialog, order, kind, act) {
  const reason = h("input", { type: "text", name: "reason", maxLength: 200, required: true, dataset: { test: "action-reason" } });
  const form = h("form", {},
    kind === "delay" ? minutesField() : null,
    h("div", { class: "reasons" }, REASONS[kind].map((key) => reasonChip(t(`reason.${key}`), reason))),
    h("label", { class: "field" }, h("span", {}, t("kitchen.reason")), reason),
    h("button", { class: `button primary act-${kind}`, type: "submit", dataset: { test: "action-confirm" } }, t(`kitchen.${kind}_confirm`)));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = writtenReason(reason.value.trim(), kind);
    if (kind === "delay") chosen.minutes = Number(form.elements.minutes.value);
    if (chosen.reason) close(dialog, () => act[kind](order, chosen));
  });
  const title = h("h3", { class: "action-kind", tabIndex: -1 }, t(`kitchen.${kind}`));
  show(dialog, order, title, form);
  title.focus(); // what was pressed is gone, and the focus would be with it
}

function minutesField() {
  const choice = (value) => h("label", {},
    h("input", { type: "radio", name: "minutes", value, checked: value === USUAL_DELAY, dataset: { test: `minutes-${value}` } }),
    h("span", {}, `+${value}`));
  return h("fieldset", { class: "minutes" }, h("legend", {}, t("kitchen.minutes")), DELAYS.map(choice));
}

function reasonChip(words, reason) {
  const write = () => {
    reason.value = words;
    reason.focus();
  };
  return h("button", { class: "chip", type: "button", on: { click: write } }, words);
}

function show(dialog, order, ...parts) {
  replace(dialog,
    h("header", { class: "action-head" },
      h("h2", { id: "action-title" }, order.code),
      h("button", {
        class: "round", type: "button", "aria-label": t("close"), dataset: { test: "action-close" },
        on: { click: () => dialog.close() },
      }, icon("icons", "close"))),
    parts);
  if (!dialog.open) dialog.showModal();
}

function close(dialog, then) {
  dialog.close();
  then();
}
