/** The page's language: its texts, money and times. Spanish unless the reader chose otherwise. */

import { keep, kept } from "../keep.js";

export const LANGS = ["es", "en"];
const LOCALES = { es: "es-MX", en: "en-US" };

let lang = LANGS.includes(kept("lang")) ? kept("lang") : "es";
let texts = {};
const watchers = new Set();

/** Load the texts and put them into the page; before anything else is shown. */
export async function startLang() {
  texts = await load(lang);
  translatePage();
}

export async function switchLang(to) {
  if (to === lang || !LANGS.includes(to)) return;
  texts = await load(to);
  lang = to;
  keep("lang", to);
  translatePage();
  for (const watcher of watchers) watcher(to);
}

export function currentLang() {
  return lang;
}

export function onLang(watcher) {
  watchers.add(watcher);
}

/** The text of a key, `{name}` filled in; a key with `.one` and `.other` is chosen by `n`. */
export function t(key, values = {}) {
  const text = texts[key] ?? texts[`${key}.${values.n === 1 ? "one" : "other"}`] ?? key;
  return text.replace(/\{(\w+)\}/g, (hole, name) => values[name] ?? hole);
}

/** An error's text by its code, and by the bound where it names one. */
export function errorText({ code, values = {} }) {
  const keys = [`error.${code}.${values.limit}`, `error.${code}`, "error.internal"];
  return t(keys.find((key) => key in texts) ?? "error.internal", values);
}

/** A field of a menu entry in the reader's language. */
export function localized(thing, field) {
  return (lang !== "es" && thing[`${field}_${lang}`]) || thing[field] || "";
}

/** @param {number} minor minor units of the currency. */
export function money(minor, currency = "MXN") {
  const whole = minor % 100 === 0;
  return new Intl.NumberFormat(LOCALES[lang], {
    style: "currency", currency, currencyDisplay: "narrowSymbol",
    minimumFractionDigits: whole ? 0 : 2, maximumFractionDigits: 2,
  }).format(minor / 100);
}

/** A time of day: "14:05". */
export function clockTime(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  return new Intl.DateTimeFormat(LOCALES[lang], { hour: "numeric", minute: "2-digit" }).format(date);
}

/** "14:05 – 14:15", or the single time when they are the same. */
export function timeRange({ earliest, latest }) {
  const [from, to] = [clockTime(earliest), clockTime(latest)];
  return from === to || !to ? from : `${from} – ${to}`;
}

export function number(value) {
  return new Intl.NumberFormat(LOCALES[lang]).format(value);
}

async function load(which) {
  const response = await fetch(`/static/i18n/${which}.json`);
  return response.json();
}

/** Texts written in the HTML: `data-i18n` names a key, `data-i18n-attr` pairs such as `aria-label:close;title:close`. */
function translatePage(root = document) {
  document.documentElement.lang = lang;
  for (const element of root.querySelectorAll("[data-i18n]")) element.textContent = t(element.dataset.i18n);
  for (const element of root.querySelectorAll("[data-i18n-attr]")) {
    for (const pair of element.dataset.i18nAttr.split(";")) {
      const [name, key] = pair.split(":");
      element.setAttribute(name, t(key));
    }
  }
}
