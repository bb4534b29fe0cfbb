/** A client of a Comanda hub, for browsers and Node.js. The modules in `js` are those of the hub's own pages. */

import { io } from "socket.io-client";
import { Comanda } from "./js/client/comanda.js";

export { CommandError as ComandaError } from "./js/wire/errors.js";

/**
 * Connect to a hub.
 *
 * @param {string} url the hub's root, like https://tacos.example
 * @param {{token?: string | (() => string | Promise<string>), onDenied?: (error: Error) => void}} options
 */
export function connect(url, options) {
  return new Comanda(io, url, options);
}
