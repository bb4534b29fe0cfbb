import type {
  ChatMessage,
  Commands,
  DashboardFigures,
  ErrorCode,
  EventData,
  Order,
  Promo,
  RoomEvents,
  ShownMessage,
  ShownProposal,
  ShownStep,
  Snapshots,
  StockLevel,
} from "./contract.js";

export type * from "./contract.js";

/** `catching_up`: connected, and still reading what was missed. */
export type Status = "connecting" | "catching_up" | "online" | "reconnecting" | "offline";

export type RoomKind = keyof RoomEvents;
export type RoomName<K extends RoomKind = RoomKind> = K extends "order" | "chat" | "customer" | "support" ? `${K}:${string}` : K;
export type KindOf<N extends string> = N extends `${infer K extends RoomKind}:${string}` ? K : N extends RoomKind ? N : never;

/** One event of a room. Volatile events have no `offset` and no `prev`. */
export type RoomEvent<K extends RoomKind = RoomKind> = {
  [T in RoomEvents[K]]: { type: T; room: string; at: string; offset?: number; prev?: number; data: EventData[T] };
}[RoomEvents[K]];

interface Followed {
  /** `failed`: the room was refused, and `error` says why. */
  phase: "loading" | "live" | "failed";
  error: RefusalCode | null;
}

export interface OrderState {
  /** `missing`: the room was refused, or there is no such order; `error` says why. */
  phase: "loading" | "live" | "missing";
  error: RefusalCode | null;
  order: FollowedOrder | null;
  /** What happened to the order, the oldest first. */
  history: Array<{ type: string; at: string; data: Record<string, unknown> }>;
}

/** The order's document; `cancel_reason` is there once it is cancelled before your eyes. */
export type FollowedOrder = Order & { cancel_reason?: string };

export interface BoardState extends Followed {
  /** The open orders that the snapshot had space for, and those that came since; `total` counts all. */
  orders: FollowedOrder[];
  total: number;
  unseen: number;
  /** Open orders are missing here. */
  more: boolean;
}

export interface PromosState extends Followed {
  promos: Promo[];
}

export interface StockState extends Followed {
  items: StockLevel[];
}

export interface FiguresState extends Followed {
  figures: DashboardFigures | null;
}

export interface OtherState<K extends RoomKind> extends Followed {
  snapshot: Snapshots[K] | null;
}

export interface ChatState {
  /** `closed`: nothing was said yet. */
  phase: "closed" | "opening" | "live" | "failed";
  error?: RefusalCode;
  mode: "agent" | "person";
  /** What was said, and notes: the chat was handed over, or follows an order now. */
  messages: Array<ShownMessage | ChatMessage | ChatNote>;
  /** The answer that is being written. */
  turn: { turn_id: string; attempt: number; text: string; steps: ShownStep[] } | null;
  /** The question that waits for its answer to begin. */
  waiting: string | null;
  /** What was sent and is not in `messages` yet. `failed`: the error's code; send it again with its `command_id`. */
  outbox: Array<{ command_id: string; text: string; failed?: RefusalCode | null; until?: number | null }>;
  /** What was proposed last, and what to say to agree to it. */
  confirm: ShownProposal | null;
}

export interface ChatNote {
  message_id?: string;
  note: string;
  by?: string;
  code?: string;
  url?: string;
  at: string;
}

interface RoomStates {
  order: OrderState;
  chat: ChatState;
  kitchen: BoardState;
  promos: PromosState;
  stock: StockState;
  floor: FiguresState;
}

export type RoomState<K extends RoomKind> = K extends keyof RoomStates ? RoomStates[K] : OtherState<K>;

/** A code of the hub, or one of this client's own: `lost` (no answer came), `closed` (the client was closed). */
export type RefusalCode = ErrorCode | "lost" | "closed" | (string & {});

export class ComandaError extends Error {
  readonly code: RefusalCode;
  /** The same command may succeed later, unchanged. */
  readonly retryable: boolean;
  /** Seconds to wait before another try. */
  readonly retry_after_s?: number;
  /** The facts that the hub gave with the code. */
  readonly values: Record<string, unknown>;
}

export type Unsubscribe = () => void;
export type CommandName = keyof Commands;
export type Payload<C extends CommandName> = Commands[C]["payload"];
export type Ack<C extends CommandName> = Commands[C]["ack"];

export interface CommandOptions {
  /** An id that you have kept; without it, a random one. */
  commandId?: string;
  /** For all attempts together; 20 seconds by default. */
  timeoutMs?: number;
  /** When it is aborted, the call rejects, and nothing is sent any more. What was sent may have been carried out. */
  signal?: AbortSignal;
}

export interface Room<K extends RoomKind = RoomKind> {
  readonly name: string;
  /** The same object until something changes. */
  getSnapshot(): RoomState<K>;
  subscribe(changed: () => void): Unsubscribe;
  /** Each event, after the state has changed. */
  onEvent(listener: (event: RoomEvent<K>) => void): Unsubscribe;
  /** The room was refused: it is read no more. */
  onError(listener: (error: ComandaError) => void): Unsubscribe;
  close(): void;
}

/** Keep it to go on with a chat later. Whoever has it can read the chat and speak in it. */
export interface ChatRef {
  chat_id: string;
  token: string;
}

export interface Chat {
  /** `null` until something was said. */
  readonly ref: ChatRef | null;
  getSnapshot(): ChatState;
  subscribe(changed: () => void): Unsubscribe;
  /** Rejects with a `ComandaError`; then the message is in `outbox`, to be sent again under its `command_id`. */
  send(text: string, commandId?: string): Promise<void>;
  stop(): Promise<void>;
  close(): void;
}

export interface Comanda {
  readonly status: Status;
  onStatus(listener: (status: Status) => void): Unsubscribe;
  /** The hub's time, in milliseconds. */
  now(): number;
  room<N extends RoomName>(name: N, options?: { token?: string }): Room<KindOf<N>>;
  chat(options?: { orderToken?: string; resume?: ChatRef }): Chat;
  /** Rejects with a `ComandaError`, or with the reason of `signal`. */
  command<C extends CommandName>(name: C, payload: Payload<C>, options?: CommandOptions): Promise<Ack<C>>;
  close(): void;
}

export interface ConnectOptions {
  /** A token of any kind; a function is called for each new connection. */
  token?: string | (() => string | null | Promise<string | null>);
  /** The hub refused the token, and is not asked again. */
  onDenied?: (error: ComandaError) => void;
}

/**
 * Connect to a hub.
 *
 * @param url The hub's root, like `https://tacos.example`. It may have a path.
 */
export function connect(url: string, options?: ConnectOptions): Comanda;
