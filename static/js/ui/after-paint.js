/** A wait until what was drawn can be seen, for work that may be done after that. */

const HIDDEN_MS = 200; // a page that nobody sees is painted never

export function afterPaint() {
  return new Promise((resume) => {
    setTimeout(resume, HIDDEN_MS);
    requestAnimationFrame(() => setTimeout(resume));
  });
}
