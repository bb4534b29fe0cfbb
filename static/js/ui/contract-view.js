/** Shows the calls, events and commands of a contract: one line each, which opens to all that is said of it. */

import { matches } from "../state/contract.js";
import { h, replace } from "./dom.js";

/**
 * @param {HTMLElement} host
 * @param {string} title
 * @param {Array<{tag: string, calls: Array<object>}>} groups
 * @returns {{filter: (words: string) => number, open: (id: string) => boolean}} filter returns how many are shown.
 */
export function mountContract(host, title, groups) {
  const shown = groups.map(({ tag, calls }) => {
    const lines = calls.map((call) => ({ call, element: line(call) }));
    return { lines, section: h("section", {}, h("h3", {}, tag), lines.map(({ element }) => element)) };
  });
  const heading = h("h2", {}, title);
  replace(host, heading, shown.map(({ section }) => section));

  return {
    filter(words) {
      let count = 0;
      for (const { lines, section } of shown) {
        for (const { call, element } of lines) element.hidden = !matches(call, words);
        const left = lines.filter(({ element }) => !element.hidden).length;
        section.hidden = left === 0;
        count += left;
      }
      heading.hidden = count === 0;
      return count;
    },
    open(id) {
      const found = shown.flatMap(({ lines }) => lines).find(({ call }) => call.id === id);
      if (!found) return false;
      found.element.open = true;
      found.element.scrollIntoView({ block: "start" });
      return true;
    },
  };
}

function line(call) {
  const body = h("div", { class: "call-body" });
  const element = h("details", { class: "call", id: call.id, dataset: { test: `call-${call.id}` } },
    h("summary", {},
      h("span", { class: "call-method", dataset: { method: call.kind } }, call.kind.toUpperCase()),
      h("span", { class: "call-name" }, call.name), h("span", { class: "call-what" }, call.what)),
    body);
  element.addEventListener("toggle", () => {
    if (element.open && !body.hasChildNodes()) replace(body, call.parts.map(part)); // hundreds of shapes are not built in vain
  });
  return element;
}

function part([title, content]) {
  const shown = Array.isArray(content)
    ? h("dl", {}, content.map(([name, text]) => [h("dt", {}, name), h("dd", {}, text)]))
    : h("pre", {}, content);
  return [h("h4", {}, title), shown];
}
