/** The hub's contract, for people who write programs: what its OpenAPI and AsyncAPI documents say. */

import { at } from "../root.js";
import { callsByTag, eventsByRoom } from "../state/contract.js";
import { mountContract } from "../ui/contract-view.js";
import { $ } from "../ui/dom.js";
import { onLang, startLang, t } from "../ui/i18n.js";
import { mountLangSwitch } from "../ui/lang-switch.js";

const ANSWER_MS = 10_000;

await startLang();
mountLangSwitch($("[data-test=lang-switch]"));

const filter = $("[data-test=docs-filter]");
const problem = $("[data-test=docs-problem]");
const parts = [];

try {
  const [openapi, asyncapi] = await Promise.all(["/openapi.json", "/asyncapi.json"].map(read));
  parts.push(
    mountContract($("[data-test=docs-http]"), "HTTP", callsByTag(openapi)),
    mountContract($("[data-test=docs-events]"), "Socket.IO and WebSocket", eventsByRoom(asyncapi)),
  );
  filter.addEventListener("input", show);
  onLang(show);
  show();
  addEventListener("hashchange", openNamed);
  openNamed();
} catch (error) {
  if (!(error instanceof TypeError || error instanceof DOMException || error instanceof SyntaxError)) throw error;
  problem.hidden = false;
  problem.dataset.i18n = "docs.failed";
  problem.textContent = t("docs.failed");
}

document.documentElement.dataset.booted = "true"; // boot.js has nothing to say

async function read(path) {
  const answer = await fetch(at(path), { signal: AbortSignal.timeout(ANSWER_MS) });
  if (!answer.ok) throw new TypeError(`${path}: ${answer.status}`);
  return answer.json();
}

function show() {
  const n = parts.reduce((sum, part) => sum + part.filter(filter.value.trim()), 0);
  $("[data-test=docs-count]").textContent = t("docs.count", { n });
}

function openNamed() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (id) parts.some((part) => part.open(id));
}
