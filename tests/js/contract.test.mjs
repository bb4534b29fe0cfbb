/** What the page of the contract makes of the hub's two documents. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { callsByTag, eventsByRoom, matches, shapeOf } from "../../static/js/state/contract.js";

const REFUSAL = { description: "`bad_request`, `too_large`", content: { "application/json": { schema: { $ref: "#/components/schemas/Refusal" } } } };
const OPENAPI = {
  components: { schemas: { Order: { type: "object", required: ["id"], properties: { id: { type: "string", maxLength: 20 }, next: { $ref: "#/components/schemas/Order" } } } } },
  paths: {
    "/api/orders/{order_id}": {
      get: {
        summary: "Show an order", tags: ["orders"], security: [{ token: [] }],
        parameters: [{ name: "order_id", in: "path", required: true, schema: { type: "string", pattern: "^P" } }],
        responses: { 200: { description: "OK", content: { "application/json": { schema: { $ref: "#/components/schemas/Order" } } } }, 400: REFUSAL },
      },
      post: { summary: "Change it", tags: ["orders"], requestBody: { content: { "application/json": { schema: { enum: ["a", 1] } } } }, responses: { 204: { description: "No Content" } } },
    },
  },
};
const ASYNCAPI = {
  channels: {
    order: { messages: { Ready: { $ref: "#/components/messages/Ready" } } },
    commands: { messages: { Advance: { $ref: "#/components/messages/Advance" }, Ack: { $ref: "#/components/messages/Ack" } } },
    empty: {},
  },
  operations: {
    "receive-order": { action: "send" },
    "order.advance": { messages: [{ $ref: "#/channels/commands/messages/Advance" }], reply: { messages: [{ $ref: "#/channels/commands/messages/Ack" }] } },
  },
  components: {
    messages: {
      Ready: { name: "order.ready", payload: { type: "object", properties: { offset: { type: "integer" } } } },
      Advance: { name: "order.advance", payload: { type: "object", required: ["to"], properties: { to: { const: "ready" } } } },
      Ack: { name: "order.advance", payload: { oneOf: [{ type: "object" }, { type: "null" }] } },
    },
  },
};

test("a call says what it takes, what it answers, and how to make it", () => {
  const [{ tag, calls: [get, post] }] = callsByTag(OPENAPI);
  assert.equal(tag, "orders");
  assert.equal(get.id, "get-api-orders-order_id");
  assert.deepEqual(get.parts, [
    ["Parameters", [["order_id (path)", "string (/^P/); required"]]],
    ["Answer", "200 {\n  id: string (at most 20 characters)\n  next?: Order\n}"],
    ["Refusals", [["400", "bad_request, too_large"]]],
    ["curl", 'curl -sS "$HUB/api/orders/{order_id}" \\\n  -H "Authorization: Bearer $TOKEN"'],
  ]);
  assert.deepEqual(post.parts.map(([title]) => title), ["Body", "Answer", "curl"]);
  assert.equal(post.parts[0][1], '"a" | 1');
  assert.equal(post.parts[1][1], "204 No Content");
});

test("events stand with the rooms that get them, commands with their acks", () => {
  const [commands, order, ...others] = eventsByRoom(ASYNCAPI);
  assert.deepEqual(others, []);
  assert.equal(order.calls[0].id, "event-order-order.ready");
  assert.deepEqual(order.calls[0].parts, [["Event", "{\n  offset?: integer\n}"]]);
  assert.equal(commands.calls[0].name, "order.advance");
  assert.deepEqual(commands.calls[0].parts, [["Payload", '{\n  to: "ready"\n}'], ["Ack", "{ … } | null"]]);
});

test("a search finds all of its words anywhere in a line", () => {
  const [{ calls: [get] }] = callsByTag(OPENAPI);
  assert.ok(matches(get, "GET order"));
  assert.ok(matches(get, ""));
  assert.ok(!matches(get, "post order"));
});

test("a shape that says nothing is any, and one that holds itself ends", () => {
  assert.equal(shapeOf({}, undefined), "any");
  assert.equal(shapeOf({}, { description: "Server-sent events." }), "Server-sent events.");
  assert.equal(shapeOf({}, { type: "array", items: { allOf: [{ type: "integer", minimum: 1 }] } }), "[integer (at least 1)]");
});
