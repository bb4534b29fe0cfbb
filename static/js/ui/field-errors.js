/** Fields that were refused, by the page or by the hub: each is marked and says why, and the first of them has the focus. */

import { faultOf, refusedField } from "../state/field-faults.js";
import { h } from "./dom.js";
import { onLang, t } from "./i18n.js";

const drawn = new Map(); // the words beside fields, to what writes them in the reader's language
let lastId = 0;

onLang(() => drawn.forEach((draw, says) => (says.isConnected ? draw() : drawn.delete(says))));

/**
 * Take over from the browser's own bubbles: they go away by themselves, in the browser's language and not in the page's.
 *
 * @param {HTMLFormElement} form
 * @param {Record<string, string>} names of the hub's fields to the form's, where they differ
 * @returns {{check: () => boolean, refuse: (error: object) => boolean, mark: (field: HTMLElement, said: HTMLElement) => void,
 *            clear: () => void}}
 *   check(): true if nothing is wrong with what was typed. refuse(error): true if the hub's refusal is about a field of the form.
 *   mark(field, said): the field was refused for what an element beside it says.
 */
export function mountFieldErrors(form, names = {}) {
  const faults = new Map(); // fields to the words about them, or null for words that are always there
  form.noValidate = true;

  const clear = (field) => {
    const says = faults.get(field);
    drawn.delete(says);
    says?.remove();
    faults.delete(field);
    field.removeAttribute("aria-invalid");
    describe(field, null);
  };
  const clearAll = () => [...faults.keys()].forEach(clear);
  const mark = (field, id, says = null) => {
    clear(field);
    faults.set(field, says);
    field.setAttribute("aria-invalid", "true");
    describe(field, id);
  };
  const say = (field, key) => {
    const says = h("p", { class: "problem field-problem", id: `field-problem-${++lastId}`, dataset: { test: "field-problem" } });
    const draw = () => (says.textContent = t(`field.${key}`, { min: field.min, max: field.max }));
    draw();
    drawn.set(says, draw);
    (field.closest("label") ?? field.form.lastElementChild).after(says); // what is inside a label is part of the field's name
    mark(field, says.id, says);
  };
  const focusFirst = () => [...form.elements].find((field) => faults.has(field))?.focus();

  form.addEventListener("input", ({ target }) => faults.has(target) && clear(target));
  form.addEventListener("reset", clearAll);
  return {
    check() {
      clearAll();
      for (const field of form.elements) {
        const fault = field.willValidate ? faultOf(field) : null;
        if (fault) say(field, fault);
      }
      focusFirst();
      return faults.size === 0;
    },
    refuse(error) {
      const name = refusedField(error, names, (one) => Boolean(form.elements[one]));
      if (name === null) return false;
      say(form.elements[name], "wrong");
      focusFirst();
      return true;
    },
    mark(field, said) {
      mark(field, said.id);
      focusFirst();
    },
    clear: clearAll,
  };
}

/** Name what describes a field besides what the page says of it always. */
function describe(field, id) {
  const always = field.dataset.describedby ??= field.getAttribute("aria-describedby") ?? "";
  const ids = [...new Set([id, ...always.split(" ")])].filter(Boolean).join(" ");
  if (ids) field.setAttribute("aria-describedby", ids);
  else field.removeAttribute("aria-describedby");
}
