import { StrictMode, useState } from "react";
import { createRoot } from "react-dom/client";
import { connect, type Order } from "comanda-client";
import { ComandaProvider, useComandaChat, useCommand, useOrder, useRoom, useStatus } from "comanda-client/react";

const hub = new URLSearchParams(location.search).get("hub") ?? location.origin;
const client = connect(hub);

function App() {
  const status = useStatus();
  const [token, setToken] = useState<string | null>(null);
  return (
    <main data-status={status}>
      <Place onPlaced={setToken} />
      <Tracking token={token} />
      <Stock />
      <Talk token={token} />
    </main>
  );
}

function Place({ onPlaced }: { onPlaced: (token: string) => void }) {
  const place = useCommand("order.place");
  const order = async (sku: string) => {
    const payload = { customer: { name: "Ana" }, items: [{ sku, qty: 2 }], delivery: { kind: "pickup" as const } };
    const { tracking } = await place.run(payload).catch(() => ({ tracking: null }));
    if (tracking) onPlaced(tracking.token);
  };
  return (
    <form>
      <button type="button" id="place" disabled={place.isPending} onClick={() => order("agua")}>Pedir</button>
      <button type="button" id="wrong" onClick={() => order("nothing")}>Pedir otra cosa</button>
      <p id="refusal">{place.error?.code}</p>
    </form>
  );
}

function Tracking({ token }: { token: string | null }) {
  const [events, setEvents] = useState<string[]>([]);
  const { order, history } = useOrder(token, { onEvent: (event) => setEvents((known) => [...known, event.type]) });
  if (!order) return null;
  return (
    <section id="order" data-status={order.status}>
      <h1 id="code">{title(order)}</h1>
      <p id="history">{history.map(({ type }) => type).join(" ")}</p>
      <p id="events">{events.join(" ")}</p>
    </section>
  );
}

function title(order: Order): string {
  return `${order.code}: ${order.total} ${order.currency}`;
}

function Stock() {
  const { items } = useRoom("stock");
  return <p id="left">{items.find(({ sku }) => sku === "agua")?.left}</p>;
}

function Talk({ token }: { token: string | null }) {
  const chat = useComandaChat(token ? { orderToken: token } : {});
  const answer = chat.messages.findLast((message) => "author" in message && message.author.kind === "agent");
  return (
    <section id="chat" data-phase={chat.phase}>
      <button type="button" id="ask" onClick={() => void chat.send("¿Dónde está mi pedido?")}>Preguntar</button>
      <p id="answer">{answer && "text" in answer ? answer.text : chat.turn?.text}</p>
    </section>
  );
}

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      <ComandaProvider client={client}>
        <App />
      </ComandaProvider>
    </StrictMode>,
  );
}
