/** DOM, built from data without parsing it as markup. */

import { at } from "../root.js";
import { staying } from "../state/stay.js";

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element. Props: `class`, `dataset`, `on` (`{click: f}`), properties of the element, else attributes;
 * false, null and undefined are left out. Children: nodes, texts, nested arrays.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) setProp(element, name, value);
  element.append(...flat(children));
  return element;
}

/** A drawing of a sprite: `icon("icons", "phone")`. Decorative unless given a label. */
export function icon(sprite, name, { className = "icon", label } = {}) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  if (label) {
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", label);
  } else {
    svg.setAttribute("aria-hidden", "true");
  }
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", at(`/static/img/${sprite}.svg#${name}`));
  svg.append(use);
  return svg;
}

export function $(selector, root = document) {
  return root.querySelector(selector);
}

export function replace(container, ...children) {
  container.replaceChildren(...flat(children));
}

/**
 * Make a container's children those of a list, touching only what changed: an item whose object is the
 * same keeps its element, and the focus is given back to a control that was rebuilt. What has vanished goes first, and
 * what changes its place is moved around what stays.
 *
 * @param {Element} container
 * @param {Array} items
 * @param {(item) => string} key
 * @param {(item) => Element} build
 */
export function keyed(container, items, key, build) {
  const known = container.keyedChildren ?? new Map();
  const next = new Map();
  const focus = focusIn(container);
  for (const item of items) {
    const id = key(item);
    const old = known.get(id);
    const element = old?.item === item ? old.element : build(item, old?.element);
    if (old && old.element !== element && old.element.parentNode === container) old.element.replaceWith(element);
    next.set(id, { item, element });
  }
  const stay = new Set(Array.from(next.values(), (one) => one.element));
  for (const child of [...container.children]) if (!stay.has(child)) child.remove();
  arrange(container, Array.from(next.values(), (one) => one.element));
  container.keyedChildren = next;
  focus?.();
}

function arrange(container, elements) {
  const places = new Map(Array.from(container.children, (child, index) => [child, index]));
  const stay = staying(elements.map((element) => places.get(element) ?? -1));
  let next = null;
  for (let index = elements.length - 1; index >= 0; index--) {
    if (!stay.has(index)) container.insertBefore(elements[index], next);
    next = elements[index];
  }
}

/** Whether `keyed` has an element for an item, be it the item as it was. */
export function isKeyed(container, id) {
  return container.keyedChildren?.has(id) ?? false;
}

/** Have an item's element ready for the next `keyed` that has it in its list. */
export function prepareKeyed(container, id, item, element) {
  container.keyedChildren ??= new Map();
  container.keyedChildren.set(id, { item, element });
}

/** Forget what `keyed` knows, so that everything is built anew (after a change of language). */
export function forgetKeyed(container) {
  container.keyedChildren = new Map();
}

function focusIn(container) {
  const active = document.activeElement;
  if (!active || !container.contains(active) || !active.dataset.test) return null;
  const test = active.dataset.test;
  return () => {
    if (!active.isConnected) container.querySelector(`[data-test="${CSS.escape(test)}"]`)?.focus();
  };
}

function setProp(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name === "class") element.className = value;
  else if (name === "dataset") Object.assign(element.dataset, value);
  else if (name === "on") for (const [type, run] of Object.entries(value)) element.addEventListener(type, run);
  else if (name in element && !name.startsWith("aria") && name !== "list" && name !== "form") element[name] = value;
  else element.setAttribute(name, value === true ? "" : value);
}

function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false && child !== "");
}
