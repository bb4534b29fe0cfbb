/** Cursors: `"<epoch>-<offset>"`, a place in one life of the log. */

/** @returns {{epoch: string, offset: number} | null} null when the text is no cursor. */
export function parseCursor(text) {
  if (typeof text !== "string") return null;
  const dash = text.lastIndexOf("-");
  const digits = text.slice(dash + 1);
  const offset = /^\d+$/.test(digits) ? Number(digits) : -1;
  if (dash < 1 || !Number.isSafeInteger(offset) || offset < 0) return null;
  return { epoch: text.slice(0, dash), offset };
}

export function formatCursor({ epoch, offset }) {
  return `${epoch}-${offset}`;
}
