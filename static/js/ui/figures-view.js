/** How the branch is doing, in a few figures. */

import { OPEN as COLUMNS } from "../state/statuses.js";
import { h, icon, replace } from "./dom.js";
import { money, number, t } from "./i18n.js";

/** @param {object | null} figures as the floor room has them */
export function drawFigures(host, figures) {
  if (!figures) {
    replace(host, h("p", { class: "nothing" }, t("manager.no_figures")));
    return;
  }
  replace(host,
    memoryLine(figures.memory),
    figure("sales", t("manager.sales_today"), money(figures.sales_today ?? 0, figures.currency)),
    figure("today", t("manager.orders_today"), number(figures.orders_today ?? 0)),
    figure("active", t("manager.orders_active"), number(figures.orders_active ?? 0)),
    figure("prep", t("manager.prep"), figures.avg_prep_s ? t("manager.minutes", { n: number(Math.round(figures.avg_prep_s / 6) / 10) }) : "—"),
    figure("online", t("manager.connections"), number(figures.connections ?? 0)),
    statuses(figures.by_status ?? {}));
}

/** Said while somebody can still do something about it. */
function memoryLine(memory) {
  if (!memory || memory.level === "normal") return null;
  const n = Math.round((100 * memory.used_bytes) / memory.ceiling_bytes);
  return h("p", { class: "memory-warning", role: "status", dataset: { test: "memory-warning", level: memory.level } },
    icon("icons", "alert"), h("span", {}, t(`manager.memory_${memory.level}`, { n })));
}

/** One figure with its label; `name` is for its look and for tests. */
export function figure(name, label, value) {
  return h("dl", { class: `figure figure-${name}` }, h("dt", {}, label), h("dd", { dataset: { test: `figure-${name}` } }, value));
}

function statuses(counts) {
  const most = Math.max(1, ...COLUMNS.map((status) => counts[status] ?? 0));
  return h("dl", { class: "figure bars" }, h("dt", {}, t("manager.by_status")), h("dd", {},
    COLUMNS.map((status) => h("div", { class: "bar-row", dataset: { status } },
      h("span", {}, t(`kitchen.column.${status}`)),
      h("progress", { max: most, value: counts[status] ?? 0, "aria-label": t(`kitchen.column.${status}`) }),
      h("b", {}, number(counts[status] ?? 0))))));
}
