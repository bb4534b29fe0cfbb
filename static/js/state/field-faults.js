/** What is wrong with a field of a form. Pure. */

/**
 * @param {{value: string, required: boolean, validity: object}} field
 * @returns {"missing" | "range" | "wrong" | null} null: nothing that this page can see.
 */
export function faultOf({ value, required, validity }) {
  if (validity.valueMissing || (required && validity.valid && !value.trim())) return "missing";
  if (validity.rangeUnderflow || validity.rangeOverflow || validity.stepMismatch || validity.badInput) return "range";
  return validity.valid ? null : "wrong";
}

/**
 * The form's field that the hub has refused, or null if it names none, or one that is not in the form.
 *
 * @param {{code: string, values?: {field?: string}}} error
 * @param {Record<string, string>} names from a path of the hub's to the field's name here, where they differ: `filter.phone`
 * @param {(name: string) => boolean} has
 */
export function refusedField({ code, values }, names, has) {
  const path = code === "bad_request" ? values?.field : undefined;
  const name = names[path] ?? path;
  return name !== undefined && has(name) ? name : null;
}
