/** A text with this site's links clickable and **bold** bold, and nothing else: it was written by a machine. */

import { at } from "../root.js";
import { h } from "./dom.js";

const MARKS = /(https?:\/\/[^\s<>"')\]]+|\/t\/[A-Za-z0-9._-]+|\*\*[^*\n]+\*\*)/g;

/** @returns {(string | Element)[]} */
export function linked(text, origin = location.origin) {
  return text.split(MARKS).flatMap((piece, index) => {
    if (index % 2 === 0) return [piece];
    if (piece.startsWith("**")) return [h("strong", {}, piece.slice(2, -2))];
    const { address, rest } = trimmed(piece);
    const path = pathHere(address, origin);
    return path ? [h("a", { href: path }, address), rest] : [piece];
  });
}

/** Punctuation after a link is not part of it. */
export function trimmed(piece) {
  const address = piece.replace(/[.,;:!?]+$/, "");
  return { address, rest: piece.slice(address.length) };
}

/** A link as the hub gives it: whole, or the hub's own path, which this site may have below another one. */
export function here(url) {
  return url.startsWith("/") ? at(url) : url;
}

/** The path of an address on this site, or null. */
export function pathHere(address, origin) {
  try {
    const url = new URL(here(address), origin);
    return url.origin === origin ? url.pathname + url.search : null;
  } catch {
    return null;
  }
}
