/** The page's language: its texts, money and times. The reader's choice; before one, what the browser asked the hub for. */

import { keep, kept } from "../keep.js";
import { at, ROOT } from "../root.js";
import { tellEach } from "../tell-each.js";

export const LANGS = ["es", "en"];
const ANSWER_MS = 4000;
const RETRY_MS = 1000;
const MAX_RETRY_MS = 8000;
const MISSING = "…"; // where a text will stand
const LOCALES = { es: "es-MX", en: "en-US" };

const YEAR_S = 31_536_000;

// A format takes milliseconds to make, tens of them on a slow phone, and a menu has a price in every line.
const priceFormat = once((locale, currency, isWhole) => new Intl.NumberFormat(locale, {
  style: "currency", currency, currencyDisplay: "narrowSymbol",
  minimumFractionDigits: isWhole ? 0 : 2, maximumFractionDigits: 2,
}));
const timeFormat = once((locale) => new Intl.DateTimeFormat(locale, { hour: "numeric", minute: "2-digit" }));
const numberFormat = once((locale) => new Intl.NumberFormat(locale));

const isLang = (found) => LANGS.includes(found);
let lang = kept("lang", isLang) ?? [globalThis.document?.documentElement.lang].find(isLang) ?? "es";
let texts = {};
let hasTexts = false;
const watchers = new Set();

/**
 * Load the texts and put them into the page; before anything else is shown, if they come in time. A page without them
 * still works: it says what is missing, and gets them as soon as they can be had.
 */
export async function startLang() {
  if (lang !== document.documentElement.lang) tellHub(lang); // it was chosen before the hub could know
  try {
    use(lang, await load(lang));
  } catch {
    const sayLoaded = sayMissing();
    loadLater().then(sayLoaded);
  }
}

/** Rejects if the texts can't be had: the page stays in its language. */
export async function switchLang(to) {
  if (to === lang || !LANGS.includes(to)) return;
  use(to, await load(to));
  keep("lang", to);
  tellHub(to);
}

function use(to, loaded) {
  [lang, texts, hasTexts] = [to, loaded, true];
  translatePage();
  tellEach(watchers, to);
}

async function loadLater() {
  for (let delay = RETRY_MS; !hasTexts; delay = Math.min(delay * 2, MAX_RETRY_MS)) {
    await new Promise((resume) => setTimeout(resume, delay));
    const wanted = lang;
    const loaded = hasTexts ? null : await load(wanted).catch(() => null);
    if (loaded && !hasTexts) use(wanted, loaded);
  }
}

/** @returns {() => void} takes the words away again. They are in both languages, for there are no others. */
function sayMissing() {
  const words = document.createElement("p");
  words.className = "texts-missing";
  words.setAttribute("role", "status");
  words.dataset.test = "texts-missing";
  words.textContent = "No cargaron los textos de la página; reintentando… · The page's texts did not load; retrying…";
  document.body.prepend(words);
  return () => words.remove();
}

export function currentLang() {
  return lang;
}

export function onLang(watcher) {
  watchers.add(watcher);
}

/** The text of a key, `{name}` filled in; a key with `.one` and `.other` is chosen by `n`. */
export function t(key, values = {}) {
  if (!hasTexts) return MISSING;
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
  return priceFormat(LOCALES[lang], currency, minor % 100 === 0).format(minor / 100);
}

/** A time of day: "14:05". */
export function clockTime(at) {
  const date = new Date(at);
  if (Number.isNaN(date.getTime())) return "";
  return timeFormat(LOCALES[lang]).format(date);
}

/** A date such as "2026-11-20", in words with its weekday. What is no date stays as it is. */
export function dayName(day) {
  const date = new Date(`${day}T12:00:00Z`);
  if (Number.isNaN(date.getTime())) return day;
  return new Intl.DateTimeFormat(LOCALES[lang], { dateStyle: "full", timeZone: "UTC" }).format(date);
}

/** "14:05 – 14:15", or the single time when they are the same. */
export function timeRange({ earliest, latest }) {
  const [from, to] = [clockTime(earliest), clockTime(latest)];
  return from === to || !to ? from : `${from} – ${to}`;
}

export function number(value) {
  return numberFormat(LOCALES[lang]).format(value);
}

/** Make what a function makes once for the same arguments: a few texts and truths. */
function once(make) {
  const made = new Map();
  return (...args) => {
    const key = args.join();
    if (!made.has(key)) made.set(key, make(...args));
    return made.get(key);
  };
}

/** The address that the page has the texts loaded from already, if they are in its first language. */
function addressOf(which) {
  const loading = document.querySelector("link[data-texts]")?.href;
  return loading?.includes(`/${which}.json`) ? loading : at(`/static/i18n/${which}.json`);
}

/** The hub writes titles, error pages and the app's name in the language of this cookie. */
function tellHub(chosen) {
  document.cookie = `lang=${chosen}; path=${ROOT}; max-age=${YEAR_S}; samesite=lax`;
}

/** @returns {Promise<Record<string, string>>} rejects if they can't be had, or are none. */
async function load(which) {
  const response = await fetch(addressOf(which), { signal: AbortSignal.timeout(ANSWER_MS) });
  const found = response.ok ? await response.json() : null;
  if (!found || Object.values(found).some((text) => typeof text !== "string")) throw new Error(`no texts in ${which}`);
  return found;
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
