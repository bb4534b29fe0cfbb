import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { at, pathOfPage, ROOT } from "../../static/js/root.js";

const STATIC = new URL("../../static/", import.meta.url);

test("below a path of the host, the hub's paths are below it too", () => {
  assert.equal(ROOT, "/");
  assert.equal(at("/api/menu"), "/api/menu");
  assert.equal(at("/api/menu", "/tacos/"), "/tacos/api/menu");
  assert.equal(at("/", "/tacos/"), "/tacos/");
});

test("a page knows its path as the hub has it", () => {
  assert.equal(pathOfPage("/t/PED1.mac"), "/t/PED1.mac");
  assert.equal(pathOfPage("/tacos/t/PED1.mac", "/tacos/"), "/t/PED1.mac");
});

function sources(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("vendor") && /\.(html|js|css|webmanifest)$/.test(entry.name))
    .map((entry) => `${entry.parentPath}/${entry.name}`);
}

test("no page, script or style names a path of the host but through `at`", () => {
  const wrong = [];
  for (const file of sources(STATIC.pathname)) {
    readFileSync(file, "utf8").split("\n").forEach((line, index) => {
      const absolute = /(?:href|src|action)="\/|(?:from|import) ?\(?"\/|url\(["']?\/|fetch\(["'`]\/|(?:assign|replace)\(["'`]\/|"(?:src|start_url|scope)": "\//;
      if (absolute.test(line)) wrong.push(`${file}:${index + 1}: ${line.trim()}`);
    });
  }
  assert.deepEqual(wrong, []);
});
