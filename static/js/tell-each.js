/** Telling several listeners the same: one that fails keeps the others from nothing. */

/**
 * Call every listener; what one of them throws is reported as an uncaught error of the page, after all were called.
 *
 * @param {Iterable<Function>} listeners
 */
export function tellEach(listeners, ...said) {
  for (const listener of [...listeners]) {
    try {
      listener(...said);
    } catch (error) {
      report(error);
    }
  }
}

function report(error) {
  if (globalThis.reportError) globalThis.reportError(error);
  else console.error(error);
}
