/** React hooks over a Comanda client: components show rooms, chats and commands, and follow them by themselves. */

import { createContext, createElement, useCallback, useContext, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { initialChat } from "./js/state/chat.js";
import { stateOf } from "./js/client/room-states.js";

const Context = createContext(null);
const NO_ROOM = Object.freeze({ phase: "loading", error: null });
const IDLE = Object.freeze({ isPending: false, data: null, error: null });

/** Gives a client to all components below: `createElement(ComandaProvider, { client: connect(url) }, …)`. */
export function ComandaProvider({ client, children }) {
  return createElement(Context.Provider, { value: client }, children);
}

/** The client itself. */
export function useComanda() {
  const client = useContext(Context);
  if (!client) throw new Error("there is no ComandaProvider above this component");
  return client;
}

/** The state of the line: `connecting`, `catching_up`, `online`, `reconnecting`, `offline`. */
export function useStatus() {
  const client = useComanda();
  const subscribe = useCallback((changed) => client.onStatus(changed), [client]);
  const read = () => client.status;
  return useSyncExternalStore(subscribe, read, read);
}

/**
 * The state of a room, which is read for as long as the component is there.
 *
 * @param {string | null | undefined} name none: nothing is read, and the state is that of a room that loads.
 * @param {{token?: string, onEvent?: (event: object) => void}} options
 */
export function useRoom(name, { token, onEvent } = {}) {
  const client = useComanda();
  const listener = useLatest(onEvent);
  const view = useMemo(() => roomView(client, name, token, listener), [client, name, token, listener]);
  return useSyncExternalStore(view.subscribe, view.read, view.read);
}

/**
 * An order, by the token of its tracking link, or by its id for staff.
 *
 * @param {string | null | undefined} token
 */
export function useOrder(token, options = {}) {
  const id = token?.split(".", 1)[0];
  return useRoom(id && `order:${id}`, { ...options, token: token?.includes(".") ? token : undefined });
}

/**
 * A conversation: its state, and how to take part in it.
 *
 * @param {{orderToken?: string, resume?: {chat_id: string, token: string}}} options as they are when the component appears,
 *   or when `orderToken` changes.
 */
export function useComandaChat({ orderToken, resume } = {}) {
  const client = useComanda();
  const given = useLatest(resume);
  const chat = useRef(null);
  const [view] = useState(() => chatView(chat));
  useEffect(() => {
    const own = client.chat({ orderToken, resume: given.current });
    const stop = view.show(own);
    return () => {
      stop();
      own.close();
    };
  }, [client, orderToken, given, view]);
  const state = useSyncExternalStore(view.subscribe, view.read, view.read);
  const actions = useMemo(() => ({ send: (...said) => chat.current.send(...said), stop: () => chat.current.stop() }), []);
  return { ...state, ...actions, ref: chat.current?.ref ?? null };
}

/**
 * A command, and how its last call stands.
 *
 * @param {string} name
 * @returns {{run: Function, isPending: boolean, data: object | null, error: Error | null}} run rejects with the error as well.
 */
export function useCommand(name) {
  const client = useComanda();
  const [state, setState] = useState(IDLE);
  const calls = useRef(0);
  const run = useCallback(async (payload, options) => {
    const call = ++calls.current;
    const settle = (settled) => call === calls.current && setState({ ...IDLE, ...settled });
    settle({ isPending: true });
    try {
      const data = await client.command(name, payload, options);
      settle({ data });
      return data;
    } catch (error) {
      settle({ error });
      throw error;
    }
  }, [client, name]);
  return { run, ...state };
}

function useLatest(value) {
  const latest = useRef(value);
  useEffect(() => {
    latest.current = value;
  });
  return latest;
}

function roomView(client, name, token, listener) {
  let room = null;
  const initial = name ? stateOf(name).initial : NO_ROOM;
  return {
    read: () => room?.getSnapshot() ?? initial,
    subscribe(changed) {
      if (!name) return () => {};
      const own = client.room(name, { token });
      room = own;
      own.subscribe(changed);
      own.onEvent((event) => listener.current?.(event));
      return () => {
        if (room === own) room = null;
        own.close();
      };
    },
  };
}

function chatView(chat) {
  const watchers = new Set();
  const tell = () => watchers.forEach((changed) => changed());
  return {
    read: () => chat.current?.getSnapshot() ?? initialChat,
    subscribe(changed) {
      watchers.add(changed);
      return () => watchers.delete(changed);
    },
    show(own) {
      chat.current = own;
      tell();
      const stop = own.subscribe(tell);
      return () => {
        stop();
        if (chat.current === own) chat.current = null;
      };
    },
  };
}
