/**
 * The end of a session on a board that hangs on a wall: to be seen and heard across the kitchen, with the way back in. The
 * tickets stay below as they were last known, and take no taps.
 */

import { now } from "../wire/clock.js";
import { h, icon } from "./dom.js";
import { clockTime, t } from "./i18n.js";
import { mountLoginForm } from "./login-form.js";

/** @param {{board: HTMLElement, alarm: object, why: "expired" | "forbidden"}} parts */
export function showSessionEnded({ board, alarm, why }) {
  if (document.body.classList.contains("ended")) return;
  document.body.classList.add("ended");
  document.title = `(!) ${t("kitchen.ended")}`;
  const problem = h("p", { class: "problem", id: "ended-problem", role: "alert", dataset: { test: "login-problem" } });
  const submit = h("button", { class: "button primary", type: "submit", dataset: { test: "login-submit" } }, t("login.submit"));
  const form = h("form", { class: "ended-form" },
    field("login.name", { name: "name", autocomplete: "username", autocapitalize: "none", maxLength: 80, dataset: { test: "login-name" } }),
    field("login.pin", { name: "pin", type: "password", autocomplete: "current-password", maxLength: 64, dataset: { test: "login-pin" } }),
    submit, problem);
  const words = h("div", { role: "alert" },
    h("h2", { id: "ended-title" }, icon("icons", "alert"), h("span", {}, t("kitchen.ended"))),
    h("p", {}, t(why === "forbidden" ? "login.forbidden" : "kitchen.ended_what")),
    h("p", {}, t("kitchen.ended_since", { time: clockTime(now()) })));
  board.before(h("section", { class: "ended-panel", "aria-labelledby": "ended-title", dataset: { test: "session-ended" } }, words, form));
  mountLoginForm({ form, said: problem, submit, onSignedIn: () => location.reload() });
  for (const type of ["click", "change"]) board.addEventListener(type, refuse(form), { capture: true });
  alarm.ring("ended");
  form.addEventListener("input", () => alarm.hush("ended"), { once: true }); // somebody is there
}

function field(key, props) {
  return h("label", { class: "field" }, h("span", {}, t(key)), h("input", { required: true, ...props }));
}

function refuse(form) {
  return (event) => {
    event.preventDefault();
    event.stopImmediatePropagation();
    form.elements.name.focus();
  };
}
