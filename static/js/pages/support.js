/** The counter: the chats in which a person is wanted, and the one in which one answers. */

import { io } from "../../vendor/socket.io.esm.min.js";
import { at } from "../root.js";
import { inboxReducer, initialInbox, openChat } from "../state/inbox.js";
import { createStore } from "../state/store.js";
import { mountConnection } from "../ui/connection.js";
import { $ } from "../ui/dom.js";
import { startLang, t } from "../ui/i18n.js";
import { mountInbox } from "../ui/inbox-view.js";
import { mountLangSwitch } from "../ui/lang-switch.js";
import { mountTalk } from "../ui/talk-view.js";
import { guardTaps } from "../ui/tap-guard.js";
import { toast, toastError } from "../ui/toast.js";
import { get } from "../wire/api.js";
import { monotonic } from "../wire/clock.js";
import { Hub } from "../wire/hub.js";
import { dropSession, hasRole, leaveToLogin, requireRole, signOut } from "../wire/session.js";

const REFRESH_MS = 3000; // the list is read again at most this often while nothing is known to have changed

const session = requireRole(["support", "manager"]);
if (session) {
  await startLang();
  start();
  document.documentElement.dataset.booted = "true"; // boot.js has nothing to say
}

function start() {
  const hub = new Hub({ io, token: () => session.token, onDenied });
  const inbox = createStore(inboxReducer, initialInbox);
  const refresh = listing(inbox);
  const talk = mountTalk({ host: $(".talk"), hub, onChanged: refresh, onError: lost });

  guardTaps();
  mountLangSwitch($("[data-test=lang-switch]"));
  mountConnection(hub);
  mountInbox({ host: $(".inbox"), inbox, onOpen: (chat_id) => (location.hash = chat_id) });
  inbox.watch((state) => talk.describe(openChat(state)));
  $("[data-test=to-manager]").hidden = !hasRole(session, ["manager"]);
  $("[data-test=talk-back]").addEventListener("click", () => (location.hash = ""));
  $("[data-test=logout]").addEventListener("click", () => signOut(session).then(() => location.assign(at("/login"))));
  let read = -Infinity;
  hub.room("floor", {
    onSnapshot: refresh,
    onEvent: ({ type, data }) => {
      if (type === "notice.sent") toast(data.message, "bad"); // somebody in a chat asks for a person
      if (type !== "notice.sent" && monotonic() - read < REFRESH_MS) return;
      read = monotonic();
      refresh();
    },
    onError: onDenied,
  });
  addEventListener("hashchange", open);
  open();

  function open() {
    const chat_id = location.hash.slice(1) || null;
    inbox.dispatch({ type: "open", chat_id });
    talk.show(chat_id);
  }

  function lost(error) {
    if (error.code !== "not_found") return onDenied(error);
    toast(t("support.gone"), "bad");
    location.hash = "";
  }
}

/** @returns {() => void} reads the list of chats again; what is asked for meanwhile is one more reading. */
function listing(inbox) {
  let reading = false;
  let again = false;
  const read = async () => {
    if (reading) {
      again = true;
      return;
    }
    reading = true;
    try {
      const [attended, others] = await Promise.all([
        get("/api/chats?mode=person&limit=100", { token: session.token }),
        get("/api/chats?mode=agent&limit=50", { token: session.token }),
      ]);
      inbox.dispatch({ type: "listed", chats: [...attended.chats, ...others.chats] });
    } catch (error) {
      onDenied(error);
    } finally {
      reading = false;
      if (again) {
        again = false;
        read();
      }
    }
  };
  return read;
}

function onDenied(error) {
  if (error.code === "unauthorized") {
    dropSession(session, "expired");
    leaveToLogin("expired");
  } else if (error.code === "forbidden") {
    leaveToLogin("forbidden");
  } else if (!error.retryable) {
    toastError(error);
  }
}
