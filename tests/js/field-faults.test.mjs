import assert from "node:assert/strict";
import { test } from "node:test";
import { faultOf, refusedField } from "../../static/js/state/field-faults.js";

const field = (value, validity = {}, required = true) => ({ value, required, validity: { valid: !Object.values(validity).some(Boolean), ...validity } });

test("a field that has to be filled is missing also if there is only space in it", () => {
  assert.equal(faultOf(field("", { valueMissing: true })), "missing");
  assert.equal(faultOf(field("   ")), "missing");
  assert.equal(faultOf(field("Taco")), null);
  assert.equal(faultOf(field("", {}, false)), null);
});

test("a number that is too large, too small, in parts or none at all is out of range; anything else is wrong", () => {
  for (const why of ["rangeUnderflow", "rangeOverflow", "stepMismatch", "badInput"]) assert.equal(faultOf(field("7", { [why]: true })), "range");
  assert.equal(faultOf(field("a@", { typeMismatch: true })), "wrong");
});

test("the hub's refusal is about a field of the form, or about none", () => {
  const has = (name) => ["title", "hours", "phone"].includes(name);
  const refusal = (name, code = "bad_request") => ({ code, values: { field: name } });
  const names = { expires_at: "hours", "filter.phone": "phone" };
  const found = ["title", "expires_at", "filter.phone", "sku"].map((name) => refusedField(refusal(name), names, has));
  assert.deepEqual(found, ["title", "hours", "phone", null]);
  assert.equal(refusedField(refusal("title", "conflict"), names, has), null);
  assert.equal(refusedField({ code: "bad_request" }, names, has), null);
});
