// The contract with a Comanda hub, made by scripts/write_client_types.py from the hub's AsyncAPI document. Do not edit.
// More fields, events, statuses and codes than these may come: ignore those that you do not know.

/** Accept an order that waits for acceptance. */
export interface AcceptOrder { command_id?: string | null; order_id: string; token?: string | null }

/** The acceptance of a large order. `until`: the order expires then if it still waits; absent: it never does. */
export interface Acceptance { state: AcceptanceState | (string & {}); until?: string | null }

/** The state of a large order's acceptance by a person. */
export type AcceptanceState = "waiting" | "accepted";

/** Record that a person saw a new order. */
export interface AcknowledgeOrder { command_id?: string | null; order_id: string; token?: string | null }

/** Make an API key. It takes no command id: a repeat makes another key, because no answer with a key is kept. */
export interface AddKey { title: string; scopes: Array<Scope>; expires_at?: string | null }

/** Add an endpoint that gets events from now on. */
export interface AddWebhook { command_id?: string | null; url: string; types?: Array<string>; description?: string }

/** Move an order one step on; with a `version`, only if it has not changed since. */
export interface AdvanceOrder { command_id?: string | null; order_id: string; token?: string | null; to: OrderStatus; version?: number | null }

/** Give an order to a courier. */
export interface AssignCourier { command_id?: string | null; order_id: string; token?: string | null; courier_id: string }

/** The author of a message. */
export interface Author { kind: "customer" | "staff" | (string & {}); name: string }

/** The kitchen's board. */
export interface BoardSnapshot { orders: Array<Order>; total: number; unseen: number; more: boolean; next: string | null }

/** Cancel an order. */
export interface CancelOrder { command_id?: string | null; order_id: string; token?: string | null; reason: string; reason_code?: ReasonCode | null }

/** Cancel the open orders that match a filter. A repeat cancels the orders that match at that time. */
export interface CancelOrders { filter: OrderFilter; reason: string; reason_code?: ReasonCode | null; dry_run?: boolean }

/** The orders that a filter matched. */
export interface CancelledOrders { cursor: string; count: number; order_ids: Array<string>; more: boolean }

/** Change an endpoint. `version`: only if it is at this version. */
export interface ChangeWebhook { command_id?: string | null; webhook_id: string; url?: string | null; types?: Array<string> | null; description?: string | null; enabled?: boolean | null; version?: number | null }

/** An endpoint after a change. */
export interface ChangedWebhook { cursor: string; webhook: ShownWebhook }

/** A way to reach somebody. */
export type Channel = "page" | "push" | "whatsapp";

/** An answer is whole. */
export interface ChatCompleted { turn_id: string; text: string; usage: Usage }

/** The next piece of an answer; `index` counts the pieces of one attempt. */
export interface ChatDelta { turn_id: string; index: number; text: string }

/** An answer ended with an error. */
export interface ChatFailed { turn_id: string; text: string; error: TurnError }

/** The conversation before this event was deleted; clients must not show it any more. */
export interface ChatForgotten { by: string }

/** The agent answers again. */
export interface ChatHandedBack { by: string; reason: string }

/** A person answers from here on. */
export interface ChatHandedOver { by: string; reason: string }

/** A message of a customer or of a member of staff. */
export interface ChatMessage { message_id: string; author: Author; text: string }

/** The state of a chat's room. */
export interface ChatSnapshot { chat: ShownChat; messages: Array<ShownMessage>; turn: ShownTurn | null; waiting: Array<string>; confirm?: ShownProposal | null }

/** A worker has begun an answer; a second attempt starts from an empty text. */
export interface ChatStarted { turn_id: string; attempt: number; model: string }

/** A step of the work on an answer, for people to read. */
export interface ChatStep { turn_id: string; step: string; state: "started" | "done" | "failed"; text: string }

/** An answer was ended from outside. */
export interface ChatStopped { turn_id: string; text: string; by: string }

/** The agent has called a tool. */
export interface ChatToolCalled { turn_id: string; call_id: string; tool: string; summary: string }

/** A tool has answered. */
export interface ChatToolFinished { turn_id: string; call_id: string; tool: string; summary: string; ok: boolean; confirm?: string | null }

/** The chat follows an order from here on; customers who are in it are brought into the order's room. */
export interface ChatTrackingStarted { turn_id: string; order_id: string; code: string; tracking: Tracking }

/** The notifications that the caller has chosen. */
export interface ChosenNotifications { cursor: string; preferences: Preferences }

/** The answer to a command that was committed. */
export interface CommandAnswer { cursor: string }

/** The member of staff who carries an order. */
export interface Courier { id: string; name: string }

/** A courier's position. The order's room gets it only while the order is on the road. */
export interface CourierMoved { order_id: string; courier_id: string; lat: number; lon: number; accuracy_m: number; heading?: number | null; speed_m_s?: number | null }

/** The customer of a new order. */
export interface CustomerContact { name: string; phone?: string | null }

/** The customer, as everybody who sees the order may know them. */
export interface CustomerName { name: string }

/** The live figures of the branch. */
export interface DashboardFigures { orders_active: number; orders_today: number; cancelled_today: number; sales_today: number; currency: string; by_status: Record<string, number>; avg_prep_s: number | null; connections: number; memory: MemoryFigures | null; at: string }

/** The state of the dashboard's room. */
export interface DashboardSnapshot { figures: DashboardFigures }

/** The delay that was announced last. */
export interface Delay { minutes: number; reason: string; reason_code?: ReasonCode | (string & {}) | null }

/** Announce that an order will take longer. */
export interface DelayOrder { command_id?: string | null; order_id: string; token?: string | null; reason: string; reason_code?: ReasonCode | null; minutes: number }

/** The way in which the customer gets the order. A `delivery` needs an address; only a delivery keeps one. */
export interface Delivery { kind: DeliveryKind; address?: string | null; lat?: number | null; lon?: number | null }

/** The way in which a customer gets an order. */
export type DeliveryKind = "pickup" | "delivery";

/** The answer to a command that leaves nothing to say. */
export interface Empty {}

/** The time at which the customer will have the order: a range, because nobody can promise the minute. */
export interface Eta { earliest: string; latest: string }

/** The reason why the hub cancelled an order by itself. */
export type ExpiryReason = "not_accepted" | "not_ended";

/** The branch's live figures. */
export interface FloorTick { figures: {} }

/** Forget the messages of a chat. */
export interface ForgetChat { chat_id: string; token?: string | null }

/** Hand a chat back to the agent. */
export interface HandBackChat { chat_id: string; text?: string | null }

/** Join a room, or resume it from a cursor in `after`; `only` names the event types that the caller wants. */
export interface JoinRoom { room: string; token?: string | null; after?: string | null; only?: Array<string> | null }

/** A room at the moment of a join. */
export interface JoinedRoom { room: string; cursor: string; recovered: boolean; snapshot: OrderSnapshot | BoardSnapshot | PromosSnapshot | StockSnapshot | DashboardSnapshot | ChatSnapshot | Empty; events: Array<RoomEvent> }

export type JsonValue = unknown;

/** Leave a room. */
export interface LeaveRoom { room: string }

/** Revoke the token of this connection or request. */
export interface Logout {}

/** Mark a line of an order as done or not done. */
export interface MarkItem { command_id?: string | null; order_id: string; token?: string | null; item: number; done: boolean }

/** Redis's memory, as last read. */
export interface MemoryFigures { level: string; used_bytes: number; ceiling_bytes: number }

/** A new API key. */
export interface NewKey { key_id: string; title: string; scopes: Array<string>; created_at: string; created_by: string; expires_at: string; key: string }

/** A message to everybody in one room. */
export interface NoticeSent { notice_id: string; message: string; level: "info" | "warning" | "urgent" }

/** Open a chat. A repeat under the same `command_id` gives the same chat: whoever knows that id is in it. */
export interface OpenChat { command_id?: string | null; order_token?: string | null }

/** A chat, and the token that opens it. */
export interface OpenedChat { chat_id: string; token: string }

/** The order document. `version` counts its changes from 1; `status_since` is when it entered its status. */
export interface Order { id: string; code: string; status: OrderStatus | (string & {}); version: number; items: Array<OrderItem>; total: number; currency: string; customer: CustomerName; delivery: OrderDelivery; courier?: Courier | null; eta?: Eta | null; acknowledged: boolean; placed_at: string; updated_at: string; status_since: string; acceptance?: Acceptance | null; expired?: ExpiryReason | (string & {}) | null; delay?: Delay | null; recall?: RecallOffer | null }

/** A person accepted an order that waited for acceptance. */
export interface OrderAccepted { order_id: string; version: number; by: string }

/** A person saw the order. Only the kitchen is interested. */
export interface OrderAcknowledged { order_id: string; version: number; by: string }

/** An order as it is after a command, or as of `cursor`. */
export interface OrderAnswer { cursor: string; order: Order }

/** The order will not happen. */
export interface OrderCancelled { order_id: string; version: number; status: OrderStatus | (string & {}); by: string; eta: Eta | null; recall?: RecallOffer | null; reason: string; reason_code?: ReasonCode | (string & {}) | null }

/** A courier will carry the order. */
export interface OrderCourierAssigned { order_id: string; version: number; courier: Courier }

/** The order will take longer. */
export interface OrderDelayed { order_id: string; version: number; minutes: number; reason: string; reason_code?: ReasonCode | (string & {}) | null }

/** The customer has the order. */
export interface OrderDelivered { order_id: string; version: number; status: OrderStatus | (string & {}); by: string; eta: Eta | null; recall?: RecallOffer | null }

/** `Delivery`, as stored in an order. */
export interface OrderDelivery { kind: DeliveryKind | (string & {}); address?: string | null; lat?: number | null; lon?: number | null }

/** A courier has left with the order. */
export interface OrderEnRoute { order_id: string; version: number; status: OrderStatus | (string & {}); by: string; eta: Eta | null; recall?: RecallOffer | null }

/** The estimate has changed. */
export interface OrderEtaChanged { order_id: string; eta: Eta }

/** The order was not accepted or not finished in time. `order.cancelled` follows in the same commit. */
export interface OrderExpired { order_id: string; version: number; why: ExpiryReason }

/** A filter on open orders: an order must meet every condition that is given. */
export interface OrderFilter { status?: OrderStatus | null; placed_before?: string | null; placed_after?: string | null; phone?: string | null; origin?: string | null; min_total?: number | null; acknowledged?: boolean | null; waiting?: boolean | null }

/** One line of an order. `item` is its number in the order, from 1; `unit_price` in minor units. */
export interface OrderItem { item: number; sku: string; name: string; qty: number; unit_price: number; notes: string; done: boolean }

/** A line of the order is done. */
export interface OrderItemDone { order_id: string; version: number; item: number; done: true }

/** A line of the order is not done after all. */
export interface OrderItemUndone { order_id: string; version: number; item: number; done: false }

/** A line that a customer orders: so many of a dish, and how it is wanted. */
export interface OrderLine { sku: string; qty: number; notes?: string; unit_price?: number | null }

/** The kitchen has begun. */
export interface OrderPreparing { order_id: string; version: number; status: OrderStatus | (string & {}); by: string; eta: Eta | null }

/** The order is packed. */
export interface OrderReady { order_id: string; version: number; status: OrderStatus | (string & {}); by: string; eta: Eta | null }

/** The order went back: one step, or to where it was before it was cancelled. */
export interface OrderRecalled { order_id: string; version: number; status: OrderStatus | (string & {}); by: string; reason: string; reason_code?: ReasonCode | (string & {}) | null; recall?: RecallOffer | null; order?: Order | null }

/** A new order, with its whole document. */
export interface OrderReceived { order: Order }

/** The state of an order's room. */
export interface OrderSnapshot { order: Order }

/** The place of an order on its way from the customer's tap to the customer's hands. */
export type OrderStatus = "received" | "preparing" | "ready" | "en_route" | "delivered" | "cancelled";

/** A test of the connection. It is answered at once, before any limit and without Redis. */
export interface Ping {}

/** Place an order. */
export interface PlaceOrder { command_id?: string | null; customer: CustomerContact; items: Array<OrderLine>; delivery: Delivery; total?: number | null }

/** A new order, and the link that opens it. */
export interface PlacedOrder { cursor: string; order: Order; tracking: Tracking }

/** The answer to `hub.ping`. */
export interface Pong { at: string }

/** The preferences of one person; the defaults are those of people who have chosen nothing. */
export interface Preferences { types: Array<string>; channels: Array<Channel | (string & {})>; quiet_hours?: StoredQuietHours | null }

/** A promotion, as stored. */
export interface Promo { promo_id: string; title: string; message: string; expires_at?: string | null }

/** A new promotion, shown until `expires_at`; without it, for a week. */
export interface PromoPublished { promo_id: string; title: string; message: string; expires_at?: string | null }

/** The promotions that are on, the newest first. */
export interface PromosSnapshot { promos: Array<Promo> }

/** A principal as a client sees it. `name` and `id` are left out where there are none. */
export interface PublicPrincipal { kind: string; roles: Array<string>; name?: string | null; id?: string | null }

/** Publish a promotion. */
export interface PublishPromo { command_id?: string | null; title: string; message: string; expires_at?: string | null }

/** A promotion that was published. */
export interface PublishedPromo { cursor: string; promo_id: string }

/** The keys with which messages to a browser are encrypted, in base64url without padding. */
export interface PushKeys { p256dh: string; auth: string }

/** The hours without noise, by the branch's clock; `22:00` to `07:00` goes past midnight. */
export interface QuietHours { start: string; end: string }

/** A reason that staff choose instead of writing one. */
export type ReasonCode = "busy" | "ingredient" | "courier" | "mistake" | "missing" | "remake" | "customer" | "sold_out" | "closing" | "shop";

/** The step back that is open for a time. */
export interface RecallOffer { to: OrderStatus | (string & {}); until: string; roles: Array<string> }

/** Move an order one step back. */
export interface RecallOrder { command_id?: string | null; order_id: string; token?: string | null; reason: string; reason_code?: ReasonCode | null }

/** Remove an endpoint with its secrets and dead letters. */
export interface RemoveWebhook { command_id?: string | null; webhook_id: string }

/** Send dead letters of an endpoint again: those of these ids, or the oldest hundred. */
export interface ReplayWebhook { command_id?: string | null; webhook_id: string; ids?: Array<string> | null }

/** The number of dead letters that are sent again. */
export interface ReplayedLetters { cursor: string; replayed: number }

/** Answer in a customer's chat, as a person. */
export interface ReplyChat { command_id?: string | null; chat_id: string; text: string }

/** Report a courier's position. */
export interface ReportPosition { order_id: string; lat: number; lon: number; accuracy_m: number; heading?: number | null; speed_m_s?: number | null }

/** End an API key. */
export interface RevokeKey { key_id: string }

/** An event of a room, in its form on the wire. */
export interface RoomEvent { offset?: number | null; prev?: number | null; room: string; type: string; at: string; data: Record<string, JsonValue> }

/** Give an endpoint another secret. The old one signs beside it for `overlap_s` seconds. */
export interface RotateWebhook { command_id?: string | null; webhook_id: string; overlap_s?: number }

/** One thing that an API key opens. */
export type Scope = "orders:write" | "orders:read" | "chat";

/** An endpoint with its new secret, which is shown this once. */
export interface SecretOfWebhook { cursor: string; webhook: ShownWebhook; secret: string }

/** Send a message in a chat; the agent answers, unless a person does. */
export interface SendChat { command_id?: string | null; chat_id: string; text: string; token?: string | null }

/** A message that was committed. */
export interface SentMessage { cursor: string; turn_id: string | null }

/** The answer to a person's reply. */
export interface SentReply { cursor: string; goes_as?: "template" | null }

/** The server's name and version. */
export interface ServerInfo { name: string; version: string }

/** Choose the notifications to receive. */
export interface SetNotifications { command_id?: string | null; types: Array<"order.preparing" | "order.ready" | "order.en_route" | "order.delivered" | "order.cancelled" | "order.delayed" | "order.eta_changed" | "notice.sent" | "promo.published">; channels: Array<Channel>; quiet_hours?: QuietHours | null; token?: string | null }

/** Set how many of a dish are left. */
export interface SetStock { command_id?: string | null; sku: string; left: number }

/** The chat itself. */
export interface ShownChat { id: string; mode: string }

/** A message of a conversation. */
export interface ShownMessage { message_id: string; author: Author; text: string; at: string; turn_id?: string | null; state?: string | null; error?: TurnError | null }

/** A proposal that waits for the customer's yes: the message that says yes, and the summary. */
export interface ShownProposal { say: string; summary: string }

/** A step of the work on an answer. */
export interface ShownStep { step: string; state: string; text: string }

/** An unfinished answer. */
export interface ShownTurn { turn_id: string; text: string; next_index: number; steps: Array<ShownStep> }

/** An endpoint. Its secret is not shown again. */
export interface ShownWebhook { id: string; url: string; types: Array<string>; description: string; state: string; version: number; created_at: string; dead: number }

/** The number that is left of a dish; None if it is not counted. */
export interface StockLevel { sku: string; name: string; left: number | null }

/** A dish is running out. */
export interface StockLow { sku: string; name: string; left: number }

/** A dish is sold out. */
export interface StockOut { sku: string; name: string; left: number }

/** A dish that was sold out, or running out, is there again. */
export interface StockRestocked { sku: string; name: string; left: number }

/** The dishes that the kitchen counts. */
export interface StockSnapshot { items: Array<StockLevel> }

/** Stop an answer. */
export interface StopChat { chat_id: string; turn_id: string; token?: string | null }

/** `QuietHours`, as stored in preferences. */
export interface StoredQuietHours { start: string; end: string }

/** Tell a browser about the caller's orders and chats, or staff about their work. */
export interface SubscribePush { command_id?: string | null; endpoint: string; keys: PushKeys; lang?: "es" | "en"; token?: string | null }

/** Take a chat over from the agent. */
export interface TakeOverChat { chat_id: string; text?: string | null }

/** The way to an order: its page, and what opens its room. */
export interface Tracking { url: string; token: string }

/** An error as the reader of a chat sees it. */
export interface TurnError { code: string; message: string; retryable: boolean }

/** Tell a browser nothing more about the caller's orders and chats. */
export interface UnsubscribePush { command_id?: string | null; endpoint: string; token?: string | null }

/** The times, tokens and calls of one answer. */
export interface Usage { ttft_ms: number; duration_ms: number; deltas: number; llm_calls: number; tool_calls: number; input_tokens?: number | null; output_tokens?: number | null; queue_ms?: number | null; model_ms?: number | null; gap_p50_ms?: number | null; gap_p95_ms?: number | null; tool_ms?: number | null; retries?: number | null; provider?: string | null }

/** The data of `hub.welcome`. */
export interface Welcome { branch: string; epoch: string; principal: PublicPrincipal; at: string; server: ServerInfo }

/** The data of each event, by its type. */
export interface EventData {
  "chat.completed": ChatCompleted;
  "chat.delta": ChatDelta;
  "chat.failed": ChatFailed;
  "chat.forgotten": ChatForgotten;
  "chat.handed_back": ChatHandedBack;
  "chat.handed_over": ChatHandedOver;
  "chat.message": ChatMessage;
  "chat.started": ChatStarted;
  "chat.step": ChatStep;
  "chat.stopped": ChatStopped;
  "chat.tool_called": ChatToolCalled;
  "chat.tool_finished": ChatToolFinished;
  "chat.tracking_started": ChatTrackingStarted;
  "courier.moved": CourierMoved;
  "floor.tick": FloorTick;
  "notice.sent": NoticeSent;
  "order.accepted": OrderAccepted;
  "order.acknowledged": OrderAcknowledged;
  "order.cancelled": OrderCancelled;
  "order.courier_assigned": OrderCourierAssigned;
  "order.delayed": OrderDelayed;
  "order.delivered": OrderDelivered;
  "order.en_route": OrderEnRoute;
  "order.eta_changed": OrderEtaChanged;
  "order.expired": OrderExpired;
  "order.item_done": OrderItemDone;
  "order.item_undone": OrderItemUndone;
  "order.preparing": OrderPreparing;
  "order.ready": OrderReady;
  "order.recalled": OrderRecalled;
  "order.received": OrderReceived;
  "promo.published": PromoPublished;
  "stock.low": StockLow;
  "stock.out": StockOut;
  "stock.restocked": StockRestocked;
}

/** The types of the events of each kind of room. */
export interface RoomEvents {
  "chat": "chat.completed" | "chat.delta" | "chat.failed" | "chat.forgotten" | "chat.handed_back" | "chat.handed_over" | "chat.message" | "chat.started" | "chat.step" | "chat.stopped" | "chat.tool_called" | "chat.tool_finished" | "chat.tracking_started" | "notice.sent";
  "customer": "notice.sent";
  "floor": "floor.tick" | "notice.sent";
  "kitchen": "courier.moved" | "order.accepted" | "order.acknowledged" | "order.cancelled" | "order.courier_assigned" | "order.delayed" | "order.delivered" | "order.en_route" | "order.eta_changed" | "order.expired" | "order.item_done" | "order.item_undone" | "order.preparing" | "order.ready" | "order.recalled" | "order.received" | "stock.low" | "stock.out" | "stock.restocked";
  "order": "courier.moved" | "notice.sent" | "order.accepted" | "order.cancelled" | "order.courier_assigned" | "order.delayed" | "order.delivered" | "order.en_route" | "order.eta_changed" | "order.expired" | "order.item_done" | "order.item_undone" | "order.preparing" | "order.ready" | "order.recalled" | "order.received";
  "promos": "promo.published";
  "stock": "stock.low" | "stock.out" | "stock.restocked";
  "support": never;
}

/** The state of each kind of room. */
export interface Snapshots {
  "chat": ChatSnapshot;
  "customer": Empty;
  "floor": DashboardSnapshot;
  "kitchen": BoardSnapshot;
  "order": OrderSnapshot;
  "promos": PromosSnapshot;
  "stock": StockSnapshot;
  "support": Empty;
}

/** The payload of each command, and the data of its answer. */
export interface Commands {
  "auth.logout": { payload: Logout; ack: Empty };
  "chat.forget": { payload: ForgetChat; ack: CommandAnswer };
  "chat.hand_back": { payload: HandBackChat; ack: CommandAnswer };
  "chat.open": { payload: OpenChat; ack: OpenedChat };
  "chat.reply": { payload: ReplyChat; ack: SentReply };
  "chat.send": { payload: SendChat; ack: SentMessage };
  "chat.stop": { payload: StopChat; ack: Empty };
  "chat.take_over": { payload: TakeOverChat; ack: CommandAnswer };
  "courier.report": { payload: ReportPosition; ack: Empty };
  "hub.ping": { payload: Ping; ack: Pong };
  "key.add": { payload: AddKey; ack: NewKey };
  "key.revoke": { payload: RevokeKey; ack: Empty };
  "notify.set": { payload: SetNotifications; ack: ChosenNotifications };
  "order.accept": { payload: AcceptOrder; ack: OrderAnswer };
  "order.acknowledge": { payload: AcknowledgeOrder; ack: OrderAnswer };
  "order.advance": { payload: AdvanceOrder; ack: OrderAnswer };
  "order.assign_courier": { payload: AssignCourier; ack: OrderAnswer };
  "order.cancel": { payload: CancelOrder; ack: OrderAnswer };
  "order.cancel_many": { payload: CancelOrders; ack: CancelledOrders };
  "order.delay": { payload: DelayOrder; ack: OrderAnswer };
  "order.mark_item": { payload: MarkItem; ack: OrderAnswer };
  "order.place": { payload: PlaceOrder; ack: PlacedOrder };
  "order.recall": { payload: RecallOrder; ack: OrderAnswer };
  "promo.publish": { payload: PublishPromo; ack: PublishedPromo };
  "push.subscribe": { payload: SubscribePush; ack: CommandAnswer };
  "push.unsubscribe": { payload: UnsubscribePush; ack: CommandAnswer };
  "room.join": { payload: JoinRoom; ack: JoinedRoom };
  "room.leave": { payload: LeaveRoom; ack: Empty };
  "stock.set": { payload: SetStock; ack: CommandAnswer };
  "webhook.add": { payload: AddWebhook; ack: SecretOfWebhook };
  "webhook.change": { payload: ChangeWebhook; ack: ChangedWebhook };
  "webhook.remove": { payload: RemoveWebhook; ack: CommandAnswer };
  "webhook.replay": { payload: ReplayWebhook; ack: ReplayedLetters };
  "webhook.rotate": { payload: RotateWebhook; ack: SecretOfWebhook };
}

export type ErrorCode = "bad_request" | "unauthorized" | "forbidden" | "not_found" | "conflict" | "idempotency_mismatch" | "too_large" | "rate_limited" | "limit_reached" | "unavailable" | "internal" | "out_of_stock" | "price_changed" | "recall_expired";
