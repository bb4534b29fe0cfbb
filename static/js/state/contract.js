/** What the hub's OpenAPI and AsyncAPI documents say, as lists that a page can show. Nothing here touches the page. */

const MAX_DEPTH = 6; // of a shape that is written out; deeper, only its name is
const METHODS = ["get", "post", "patch", "put", "delete"];

/**
 * @returns {Array<{tag: string, calls: Array<object>}>} The calls by tag, each as `callOf` gives it.
 */
export function callsByTag(openapi) {
  const found = new Map();
  for (const [path, methods] of Object.entries(openapi.paths)) {
    for (const method of METHODS.filter((each) => methods[each])) {
      const call = callOf(openapi, path, method);
      found.set(call.tag, [...(found.get(call.tag) ?? []), call]);
    }
  }
  return [...found].map(([tag, calls]) => ({ tag, calls }));
}

function callOf(openapi, path, method) {
  const operation = openapi.paths[path][method];
  return {
    id: anchorOf(method, path),
    kind: method,
    name: path,
    what: (operation.summary ?? "").replaceAll("`", ""),
    tag: operation.tags?.[0] ?? "",
    parts: [
      ["Parameters", (operation.parameters ?? []).map((each) => [`${each.name} (${each.in})`, parameterText(each)])],
      ["Body", bodyText(openapi, operation.requestBody)],
      ["Answer", answerText(openapi, operation.responses)],
      ["Refusals", refusals(operation.responses)],
      ["curl", curlOf(path, method, operation)],
    ].filter(([, content]) => content.length > 0),
  };
}

/**
 * @returns {Array<{tag: string, calls: Array<object>}>} The events by kind of room, and the commands.
 */
export function eventsByRoom(asyncapi) {
  const rooms = Object.entries(asyncapi.channels).filter(([name]) => name !== "commands").map(([name, channel]) => ({
    tag: name,
    calls: Object.values(channel.messages ?? {}).map((message) => eventOf(asyncapi, name, resolve(asyncapi, message))),
  }));
  const commands = Object.entries(asyncapi.operations).filter(([, operation]) => operation.reply)
    .map(([name, operation]) => commandOf(asyncapi, name, operation));
  return [{ tag: "commands", calls: commands }, ...rooms].filter(({ calls }) => calls.length > 0);
}

function eventOf(asyncapi, room, message) {
  return {
    id: anchorOf("event", `${room}-${message.name}`),
    kind: "event",
    name: message.name,
    what: message.summary ?? "",
    tag: room,
    parts: [["Event", shapeOf(asyncapi, message.payload)]],
  };
}

function commandOf(asyncapi, name, operation) {
  const [asked, answered] = [operation.messages, operation.reply.messages]
    .map(([message]) => resolve(asyncapi, resolve(asyncapi, message)));
  return {
    id: anchorOf("command", name),
    kind: "command",
    name,
    what: asked.summary ?? "",
    tag: "commands",
    parts: [["Payload", shapeOf(asyncapi, asked.payload)], ["Ack", shapeOf(asyncapi, answered.payload)]],
  };
}

/** Whether each of the words that somebody looks for is in a call's name, kind or summary. */
export function matches(call, words) {
  const text = `${call.kind} ${call.name} ${call.what} ${call.tag}`.toLowerCase();
  return words.toLowerCase().split(/\s+/).every((word) => text.includes(word));
}

/** A schema as people write shapes down: `{ name: string, items: [{ … }], notes?: string }`, a field a line. */
export function shapeOf(document, schema, depth = 0, seen = []) {
  if (!schema || Object.keys(schema).length === 0) return "any";
  if (schema.$ref) {
    const name = schema.$ref.split("/").pop();
    if (seen.includes(name) || depth > MAX_DEPTH) return name;
    return shapeOf(document, resolve(document, schema), depth, [...seen, name]);
  }
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return choices.map((each) => shapeOf(document, each, depth, seen)).join(" | ");
  if (schema.allOf) return schema.allOf.map((each) => shapeOf(document, each, depth, seen)).join(" & ");
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((each) => JSON.stringify(each)).join(" | ");
  if (schema.type === "array") return `[${shapeOf(document, schema.items, depth, seen)}]`;
  if (schema.properties) return objectShape(document, schema, depth, seen);
  if (schema.type === "object") return "{ … }";
  return `${schema.type ?? schema.description ?? "any"}${boundsOf(schema)}`;
}

function objectShape(document, schema, depth, seen) {
  const inner = "  ".repeat(depth + 1);
  const lines = Object.entries(schema.properties).map(([name, field]) => {
    const mark = schema.required?.includes(name) ? "" : "?";
    return `${inner}${name}${mark}: ${shapeOf(document, field, depth + 1, seen)}`;
  });
  return lines.length ? `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}` : "{}";
}

function boundsOf({ format, pattern, minLength, maxLength, minimum, maximum }) {
  const said = [
    format, pattern && `/${pattern}/`, range(minLength, maxLength, " characters"), range(minimum, maximum, ""),
  ].filter(Boolean);
  return said.length ? ` (${said.join(", ")})` : "";
}

function range(low, high, unit) {
  if (low === undefined && high === undefined) return "";
  if (high === undefined) return `at least ${low}${unit}`;
  return low === undefined ? `at most ${high}${unit}` : `${low} to ${high}${unit}`;
}

function parameterText({ schema = {}, required = false }) {
  const { default: preset } = schema;
  return [shapeOf({}, schema), required ? "required" : "", preset === undefined ? "" : `default ${JSON.stringify(preset)}`, schema.description ?? ""]
    .filter(Boolean).join("; ");
}

function bodyText(openapi, body) {
  if (!body) return "";
  return body.description ?? shapeOf(openapi, body.content["application/json"]?.schema);
}

function answerText(openapi, responses) {
  return Object.entries(responses).filter(([status]) => status < "400").map(([status, { content = {}, description }]) => {
    const shapes = Object.entries(content).map(([media, { schema }]) =>
      media === "application/json" ? shapeOf(openapi, schema) : `${media}: ${shapeOf(openapi, schema)}`);
    return `${status} ${shapes.join("\n    ") || description}`;
  }).join("\n\n");
}

function refusals(responses) {
  return Object.entries(responses).filter(([status]) => status >= "400")
    .map(([status, { description }]) => [status, description.replaceAll("`", "")]);
}

function curlOf(path, method, operation) {
  const lines = [`curl -sS${method === "get" ? "" : ` -X ${method.toUpperCase()}`} "$HUB${path}"`];
  if (operation.security) lines.push('-H "Authorization: Bearer $TOKEN"');
  if (operation.requestBody) lines.push("-H 'Content-Type: application/json'", "-d '{ … }'");
  return lines.join(" \\\n  ");
}

function resolve(document, { $ref, ...whole }) {
  if (!$ref) return whole;
  return $ref.slice(2).split("/").reduce((part, name) => part[name.replaceAll("~1", "/").replaceAll("~0", "~")], document);
}

function anchorOf(kind, name) {
  return `${kind}-${name}`.replaceAll(/[^A-Za-z0-9_.]+/g, "-").replaceAll(/^-|-$/g, "");
}
