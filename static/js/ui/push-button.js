/** A button that has this device told of something while no page is open; where it can't, what the device needs for it. */

import { keep, kept } from "../keep.js";
import { CommandError } from "../wire/errors.js";
import { pushAbility, pushOffer } from "../wire/push.js";
import { h, icon, replace } from "./dom.js";
import { onLang, t } from "./i18n.js";
import { toast, toastError } from "./toast.js";

/**
 * @param {HTMLElement} host
 * @param {object} page
 * @param {string} page.name of the button, and what its words begin with.
 * @param {(offer: {key: string, unseen_s: number}) => boolean} page.isOffered whether the hub does what the button is for.
 * @param {() => boolean} page.isWanted whether there is something to be told of.
 * @param {() => boolean} page.isOn
 * @param {(offer: object) => Promise<boolean>} page.begin false: the person said no.
 * @param {() => Promise<void>} page.end
 * @param {string[]} page.hints what the device may lack that the page says.
 * @param {string} [page.once] the key under which this device keeps that somebody has read its hint, and wants it no more.
 * @returns {() => void} draws anew.
 */
export function mountPushButton(host, { name, isOffered, isWanted, isOn, begin, end, hints, once = null }) {
  let offer = null; // until the hub has said that it pushes anything
  let isAsked = false; // whether it does: a visit that wants nothing need not know
  let isBusy = false;

  const draw = () => {
    if (isWanted()) ask();
    const parts = isWanted() && offer ? shown() : [];
    const hadFocus = host.contains(document.activeElement);
    host.hidden = parts.length === 0;
    replace(host, parts);
    if (hadFocus) host.querySelector("button")?.focus();
  };
  const ask = () => {
    if (isAsked) return;
    isAsked = true;
    pushOffer().then((found) => {
      if (found.key && isOffered(found)) offer = found;
      draw();
    }, () => (isAsked = false)); // without a line there is nothing to ask for; the next drawing asks again
  };
  const shown = () => {
    const ability = pushAbility();
    if (ability === "able") return [button()];
    if (!hints.includes(ability) || (once && kept(once, (said) => said === ability))) return [];
    return [h("p", { class: "notify-hint", dataset: { test: `${name}-hint` } }, t(`${name}.${ability}`)), once ? read(ability) : null];
  };
  const button = () => h("button", {
    type: "button", class: "button quiet notify-me", "aria-pressed": String(isOn()), "aria-busy": isBusy ? "true" : null,
    dataset: { test: `${name}-me` }, on: { click: toggle },
  }, icon("icons", "bell"), h("span", {}, t(isOn() ? `${name}.on` : `${name}.ask`)));
  const read = (ability) => h("button", {
    type: "button", class: "button quiet", dataset: { test: `${name}-read` }, on: { click: () => (keep(once, ability), draw()) },
  }, t(`${name}.read`));
  const toggle = () => !isBusy && run(async () => {
    if (isOn()) return end();
    if (await begin(offer)) toast(t(`${name}.thanks`, { minutes: Math.ceil(offer.unseen_s / 60) }), "good");
    else if (pushAbility() !== "refused") toast(t(`${name}.refused`), "bad"); // else the page says it from now on
  });
  const run = async (work) => {
    isBusy = true;
    draw();
    try {
      await work();
    } catch (error) {
      if (error instanceof CommandError) toastError(error);
      else toast(t("notify.failed"), "bad"); // the browser's own push service could not be reached
    } finally {
      isBusy = false;
      draw();
    }
  };

  onLang(draw);
  draw();
  return draw;
}
