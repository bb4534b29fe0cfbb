import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { orderIdOf } from "../../static/js/follow.js";
import { artOf } from "../../static/js/ui/art.js";
import { secondsTo } from "../../static/js/ui/problem.js";
import { pathHere, trimmed } from "../../static/js/ui/linked.js";
import { homeOf, safeNext } from "../../static/js/wire/session.js";

const root = new URL("../../static/", import.meta.url);
const read = (path) => readFileSync(new URL(path, root), "utf8");
const walk = (path) => readdirSync(new URL(path, root), { withFileTypes: true }).flatMap((entry) =>
  entry.name === "vendor" ? [] : entry.isDirectory() ? walk(`${path}${entry.name}/`) : [`${path}${entry.name}`]);

test("the way on after signing in never leaves the site", () => {
  const origin = "https://tacos.test";
  assert.equal(safeNext("/kitchen?x=1", origin), "/kitchen?x=1");
  for (const away of ["//evil.test", "/\\evil.test", "https://evil.test/", "javascript:alert(1)", "kitchen", "", null]) {
    assert.equal(safeNext(away, origin), null, String(away));
  }
});

test("each role has its page", () => {
  assert.equal(homeOf({ roles: ["kitchen"] }), "/kitchen");
  assert.equal(homeOf({ roles: ["kitchen", "manager"] }), "/manager");
  assert.equal(homeOf({ roles: ["support"] }), "/support");
  assert.equal(homeOf({ roles: [] }), "/");
});

test("a tracking token begins with its order's id", () => {
  assert.equal(orderIdOf("PED7K3Q9X.ab.cd"), "PED7K3Q9X");
});

test("a link in an answer is followed only on this site", () => {
  assert.equal(pathHere("/t/P1.mac", "https://tacos.test"), "/t/P1.mac");
  assert.equal(pathHere("https://tacos.test/t/P1.mac", "https://tacos.test"), "/t/P1.mac");
  assert.equal(pathHere("https://evil.test/t/P1.mac", "https://tacos.test"), null);
  assert.deepEqual(trimmed("/t/P1.mac."), { address: "/t/P1.mac", rest: "." });
});

test("both languages have the same texts, with the same holes", () => {
  const [es, en] = ["es", "en"].map((lang) => JSON.parse(read(`i18n/${lang}.json`)));
  assert.deepEqual(Object.keys(es).sort(), Object.keys(en).sort());
  const holes = (text) => (text.match(/\{\w+\}/g) ?? []).sort().join();
  for (const key of Object.keys(es)) assert.equal(holes(es[key]), holes(en[key]), key);
});

test("every error that the contract names has words, and no text is written twice", () => {
  const contract = readFileSync(new URL("../docs/protocol.md", root), "utf8");
  const table = contract.slice(contract.indexOf("### Error codes"), contract.indexOf("## Who is asking"));
  const codes = [...table.matchAll(/^\| `(\w+)` \| \d{3} /gm)].map((match) => match[1]);
  assert.ok(codes.length > 10);
  for (const lang of ["es", "en"]) {
    const keys = [...read(`i18n/${lang}.json`).matchAll(/^ {2}"([^"]+)":/gm)].map((match) => match[1]);
    assert.deepEqual(keys.filter((key, at) => keys.indexOf(key) !== at), [], lang);
    for (const code of [...codes, "lost"]) assert.ok(keys.includes(`error.${code}`), `${lang}: ${code}`);
  }
});

test("seconds to wait are whole, and at least one as long as there is a wait", () => {
  assert.deepEqual([secondsTo(5000, 0), secondsTo(5000, 4999), secondsTo(5000, 5000), secondsTo(5000, 9000)], [5, 1, 0, 0]);
});

test("every text the pages name exists", () => {
  const texts = JSON.parse(read("i18n/es.json"));
  const has = (key) => key in texts || `${key}.one` in texts;
  for (const path of walk("")) {
    const source = path.endsWith(".html") || path.endsWith(".js") ? read(path) : "";
    const named = [
      ...[...source.matchAll(/data-i18n="([^"]+)"/g)].map((match) => match[1]),
      ...[...source.matchAll(/data-i18n-attr="([^"]+)"/g)].flatMap((match) => match[1].split(";").map((pair) => pair.split(":")[1])),
      ...[...source.matchAll(/\bt\("([^"]+)"/g)].map((match) => match[1]),
    ];
    for (const key of named) assert.ok(has(key), `${path}: ${key}`);
  }
});

test("every drawing that a dish may get is in the sprite", () => {
  const sprite = read("img/dishes.svg");
  for (const name of ["pastor", "torta", "burrito", "gringa", "guacamole", "pozole", "horchata", "refresco", "churros", "flan", "???"]) {
    assert.ok(sprite.includes(`id="${artOf({ sku: name, name, category: "x" }).drawing}"`), name);
  }
});

test("pages carry no inline script, style or handler, and name no other host", () => {
  for (const path of walk("")) {
    const source = read(path);
    if (path.endsWith(".html")) {
      assert.doesNotMatch(source, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=/, path);
    }
    assert.doesNotMatch(source.replaceAll("http://www.w3.org/2000/svg", ""), /https?:\/\/[a-z0-9]/i, path);
    if (path.endsWith(".js")) assert.doesNotMatch(source, /innerHTML|insertAdjacentHTML|\.cssText|setAttribute\("style"/, path);
  }
});

test("pages use nothing that a browser lacks on plain HTTP", () => {
  for (const path of walk("js/")) {
    assert.doesNotMatch(read(path), /randomUUID|crypto\.subtle|navigator\.clipboard(?!\?)/, path);
  }
});
