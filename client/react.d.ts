import type { ReactElement, ReactNode } from "react";
import type {
  Ack, Chat, ChatRef, ChatState, Comanda, ComandaError, CommandName, CommandOptions, KindOf, OrderState, Payload, RoomEvent, RoomName, RoomState, Status,
} from "./index.js";

/** Gives a client to all components below. */
export function ComandaProvider(props: { client: Comanda; children?: ReactNode }): ReactElement;

/** The client itself. */
export function useComanda(): Comanda;

/** The state of the line. */
export function useStatus(): Status;

/** The state of a room, which is read for as long as the component is there. Without a name, nothing is read. */
export function useRoom<N extends RoomName>(
  name: N | null | undefined,
  options?: { token?: string; onEvent?: (event: RoomEvent<KindOf<N>>) => void },
): RoomState<KindOf<N>>;

/** An order, by the token of its tracking link, or by its id for staff. Without one, nothing is read. */
export function useOrder(token: string | null | undefined, options?: { onEvent?: (event: RoomEvent<"order">) => void }): OrderState;

/** A conversation. The options count when the component appears, and when `orderToken` changes. */
export function useComandaChat(options?: { orderToken?: string; resume?: ChatRef }): ChatState & Pick<Chat, "send" | "stop" | "ref">;

/** A command, and how its last call stands. `run` rejects with the error as well. */
export function useCommand<C extends CommandName>(
  name: C,
): {
  run: (payload: Payload<C>, options?: CommandOptions) => Promise<Ack<C>>;
  isPending: boolean;
  data: Ack<C> | null;
  error: ComandaError | null;
};
