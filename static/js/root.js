/**
 * Where this site begins. A proxy may serve it below a path of its host, and takes that path away before it asks the hub. So
 * the hub's pages name everything relative to themselves, and scripts name it by `at`.
 */

const own = import.meta.url; // a bundler would take one expression for the name of a file
const here = new URL("../../", own);

/** The path with a slash at both ends: `/`, or `/tacos/`. Scripts that run from files, as tests do, are at `/`. */
export const ROOT = here.protocol.startsWith("http") ? here.pathname : "/";

/** @param {string} path as the hub knows it: `/api/menu`. */
export function at(path, root = ROOT) {
  return root + path.slice(1);
}

/** @returns {string} the path of the page as the hub knows it: `/t/PED1.mac`. */
export function pathOfPage(pathname = location.pathname, root = ROOT) {
  return pathname.startsWith(root) ? `/${pathname.slice(root.length)}` : pathname;
}
