/** A control that is busy while its work is under way, so that it can't be pressed twice. It keeps the focus. */

export async function whileBusy(control, work) {
  if (control.getAttribute("aria-busy") === "true") return undefined;
  control.setAttribute("aria-busy", "true");
  try {
    return await work();
  } finally {
    control.removeAttribute("aria-busy");
  }
}
