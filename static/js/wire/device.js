/** A random name of this device: an account that was once signed in to from here lets it in while others guess its PIN. */

import { keep, kept } from "../keep.js";

const KEY = "device";
const BYTES = 24;
const SHAPE = /^[A-Za-z0-9_-]{16,64}$/;

/** @returns {string | undefined} undefined where storage is forbidden: a name that is not kept is no use. */
export function deviceName(random = (bytes) => crypto.getRandomValues(bytes)) {
  const known = kept(KEY, (found) => typeof found === "string" && SHAPE.test(found));
  if (known) return known;
  const name = urlSafe(random(new Uint8Array(BYTES)));
  return keep(KEY, name) ? name : undefined;
}

function urlSafe(bytes) {
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}
