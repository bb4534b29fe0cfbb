/** Ids for commands: 128 random bits. A page that comes over plain HTTP from the shop's own network gets no UUIDs from its browser. */

/** @returns {string} 32 hexadecimal digits. */
export function newId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
