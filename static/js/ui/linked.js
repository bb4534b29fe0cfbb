/** A text with the links of this site made clickable, and nothing else: it was written by a machine. */

import { h } from "./dom.js";

const LINK = /(https?:\/\/[^\s<>"')\]]+|\/t\/[A-Za-z0-9._-]+)/g;

/** @returns {(string | HTMLAnchorElement)[]} */
export function linked(text, origin = location.origin) {
  return text.split(LINK).map((piece, index) => {
    if (index % 2 === 0) return piece;
    const bare = piece.replace(/[.,;:!?]+$/, "");
    const path = pathHere(bare, origin);
    return path ? [h("a", { href: path }, bare), piece.slice(bare.length)] : piece;
  });
}

function pathHere(address, origin) {
  try {
    const url = new URL(address, origin);
    return url.origin === origin ? url.pathname + url.search : null;
  } catch {
    return null;
  }
}
