/** A business day: today, yesterday or any date, with its figures and its orders. The address names the day. */

import { choiceOf, dateOf, dayReducer, hasFigures, noDay } from "../state/day.js";
import { createStore } from "../state/store.js";
import { $, h, keyed, forgetKeyed, replace } from "./dom.js";
import { figure } from "./figures-view.js";
import { clockTime, dayName, money, number, onLang, t } from "./i18n.js";
import { orderRow } from "./order-row.js";
import { mountProblem } from "./problem.js";
import { whileBusy } from "./wait.js";

const PAGE = 50; // orders
const PARAM = "day";

/** @param {{host: HTMLElement, get: (path: string) => Promise<object>, onDenied: (error: Error) => void}} parts */
export function mountDay({ host, get, onDenied }) {
  const store = createStore(dayReducer, noDay);
  const part = (name) => $(`[data-test=day-${name}]`, host);
  const [date, name, figures, list, said, more] = ["date", "name", "figures", "orders", "said", "more"].map(part);
  const problem = mountProblem(part("problem"));
  let told = null;

  const draw = () => {
    const { state } = store;
    const choice = choiceOf(state);
    for (const wish of ["today", "yesterday"]) part(wish).setAttribute("aria-pressed", String(choice === wish));
    if (state.today) date.max = state.today.day;
    date.value = state.figures?.day ?? (state.wish === null || choice ? "" : state.wish);
    host.setAttribute("aria-busy", String(state.phase === "loading"));
    name.textContent = state.figures ? nameOf(state.figures) : "";
    replace(figures, hasFigures(state) ? figuresOf(state.figures) : null);
    keyed(list, state.orders, (order) => order.id, (order) => orderRow(order, { test: "day" }));
    const words = wordsOf(state);
    if (said.textContent !== words) said.textContent = words;
    more.hidden = state.next === null;
    const isRefused = state.error?.code === "bad_request";
    if (isRefused) date.setAttribute("aria-invalid", "true");
    else date.removeAttribute("aria-invalid");
    if (state.error === told) return;
    told = state.error;
    if (told) problem.sayError(told);
    else problem.clear();
  };
  const attempt = async (wish, read) => {
    try {
      store.dispatch({ wish, ...(await read()) });
    } catch (error) {
      if (!error.code) throw error;
      store.dispatch({ type: "failed", wish, error });
      onDenied(error);
    }
  };
  const look = (wish) => {
    store.dispatch({ type: "wish", wish });
    return wish === null ? null : attempt(wish, () => readDay(get, wish));
  };
  const choose = (wish) => {
    const url = new URL(location.href);
    url.searchParams.set(PARAM, wish);
    if (url.href !== location.href) history.pushState(null, "", url);
    look(wish);
  };
  const lookAtAddress = () => look(new URLSearchParams(location.search).get(PARAM) || null);

  for (const wish of ["today", "yesterday"]) part(wish).addEventListener("click", () => choose(wish));
  date.addEventListener("change", () => date.value && choose(date.value));
  more.addEventListener("click", () => whileBusy(more, () => {
    const { wish, figures: { day }, next: from } = store.state;
    return attempt(wish, async () => ({ type: "more", from, page: await get(ordersOf(day, from)) }));
  }));
  addEventListener("popstate", lookAtAddress);
  onLang(() => {
    forgetKeyed(list);
    draw();
  });
  store.watch(draw);
  lookAtAddress()?.then(() => host.scrollIntoView({ block: "start" })); // the link was about this part of the page
}

/** The present day first: it names the day before, and is what "today" means at the hub. */
async function readDay(get, wish) {
  const today = await get("/api/figures");
  const day = dateOf(wish, today);
  const [figures, page] = await Promise.all([
    day === today.day ? today : get(`/api/figures?day=${encodeURIComponent(day)}`), get(ordersOf(day)),
  ]);
  return { type: "read", today, figures, page };
}

function ordersOf(day, before) {
  const query = new URLSearchParams({ day, limit: PAGE, ...(before === undefined ? {} : { before }) });
  return `/api/orders?${query}`;
}

function nameOf({ day, begins_at, ends_at }) {
  return t("day.name", { day: dayName(day), from: clockTime(begins_at), to: clockTime(ends_at) });
}

function figuresOf({ orders, cancelled, sales, currency }) {
  return [
    figure("day-orders", t("day.orders"), number(orders)),
    figure("day-cancelled", t("day.cancelled"), number(cancelled)),
    figure("day-sales", t("day.sales"), money(sales, currency)),
  ];
}

function wordsOf(state) {
  if (state.phase === "loading") return t("day.loading");
  if (state.phase !== "ready") return "";
  if (!state.orders.length) return t("day.none");
  return hasFigures(state) ? "" : t("day.no_figures");
}
