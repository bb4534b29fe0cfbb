/** Where an order is: in words, as a string of paper flags, and when it will be there. */

import { cancelledFor, hasEnded, isWaiting } from "../state/order.js";
import { stepsOf } from "../state/statuses.js";
import { lastDelay, lastRecall, reachedAt } from "../state/tracking.js";
import { clock, now } from "../wire/clock.js";
import { h, icon, replace } from "./dom.js";
import { clockTime, onLang, t, timeRange } from "./i18n.js";
import { reasonWords, whyCancelled } from "./reasons.js";

const TICK_MS = 15000;
const MINUTE_MS = 60_000;

/** @param {HTMLElement} host @param {object} store of tracking.js */
export function mountProgress(host, store) {
  const status = h("p", { class: "status-now", role: "status", "aria-live": "polite", dataset: { test: "order-status" } });
  const eta = h("p", { class: "eta", dataset: { test: "order-eta" } });
  const flags = h("ol", { class: "flags", dataset: { test: "progress" } });
  const asides = h("div", { class: "asides", "aria-live": "polite" });
  replace(host, h("div", { class: "status-head" }, status, eta), flags, asides);

  const draw = () => {
    const { order } = store.state;
    if (!order) return;
    const words = t(isWaiting(order) ? "status.waiting" : `status.${order.delivery.kind}.${order.status}`);
    if (status.textContent !== words) status.textContent = words; // said once, not at every tick
    status.dataset.status = order.status;
    host.dataset.status = order.status;
    replace(eta, etaParts(order));
    replace(flags, flagsOf(store.state));
    const said = asidesOf(store.state);
    if (said.map((one) => one.textContent).join() !== asides.textContent) replace(asides, said);
  };
  store.watch(draw);
  onLang(draw);
  setInterval(draw, TICK_MS);
  clock.watch(draw);
}

function etaParts({ eta, delivery, ...order }) {
  if (!eta || hasEnded(order)) return [];
  const minutes = (at) => Math.max(0, Math.round((Date.parse(at) - now()) / MINUTE_MS));
  const [from, to] = [minutes(eta.earliest), minutes(eta.latest)];
  const soon = to === 0 ? t("eta.any_moment") : from === to ? t("eta.minutes", { to }) : t("eta.range", { from, to });
  return [
    h("span", { class: "eta-label" }, t(`eta.${delivery.kind}`)),
    h("strong", {}, soon),
    h("span", { class: "eta-clock" }, timeRange(eta)),
  ];
}

function flagsOf(state) {
  const { order } = state;
  const steps = stepsOf(order);
  const reached = reachedAt(state);
  const cancelled = order.status === "cancelled";
  const at = cancelled ? steps.filter((step) => reached[step]).length - 1 : steps.indexOf(order.status);
  return steps.map((step, index) => {
    const last = index === steps.length - 1;
    const place = index < at || (index === at && (last || cancelled)) ? "done" : index === at ? "current" : "todo";
    return h("li", {
      class: `flag flag-${index}`, dataset: { state: cancelled && place === "todo" ? "off" : place },
      "aria-current": index === at && !cancelled ? "step" : null,
    },
      h("span", { class: "flag-paper" }, icon("flag", "flag", { className: "paper" }), icon("icons", step, { className: "icon flag-icon" })),
      h("span", { class: "flag-name" }, t(`step.${order.delivery.kind}.${step}`)),
      h("span", { class: "flag-time" }, reached[step] ? clockTime(reached[step]) : ""));
  });
}

function asidesOf(state) {
  const { order } = state;
  if (order.status === "cancelled") return [aside("cancelled", "bad", t("order.cancel_reason", { reason: cancelReason(state) }))];
  if (hasEnded(order)) return [];
  const [delay, recall] = [lastDelay(state), lastRecall(state)];
  const asides = [];
  if (isWaiting(order) && order.acceptance.until) {
    asides.push(aside("clock", "warn", t("order.waiting", { time: clockTime(order.acceptance.until) })));
  }
  if (order.courier) asides.push(aside("en_route", "info", t("order.courier", { name: order.courier.name })));
  if (recall) asides.push(aside("back", "warn", t("order.recalled", { reason: reasonWords(recall) })));
  if (delay) asides.push(aside("clock", "warn", t("order.delayed", { minutes: delay.minutes, reason: reasonWords(delay) })));
  return asides;
}

function cancelReason({ order, history }) {
  return whyCancelled(order, cancelledFor(order) ?? history.findLast((event) => event.type === "order.cancelled")?.data ?? {});
}

function aside(picture, kind, text) {
  return h("p", { class: `aside aside-${kind}` }, icon("icons", picture), h("span", {}, text));
}
