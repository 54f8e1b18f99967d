/**
 * What the scripts of web pages do. Each function is sent into a browser as it stands here, so that it sees its one
 * argument and what browsers have, and nothing else of this file.
 */

/** How a call ended, as a page without any library sees it. */
export interface Fetched {
  readonly status: number;
  readonly mode: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the JSON was
  readonly body: any;
}

export async function callInJson(call: { url: string; request: object }): Promise<Fetched> {
  const headers = { "content-type": "application/json", "connect-protocol-version": "1" };
  const response = await fetch(call.url, { method: "POST", headers, body: JSON.stringify(call.request) });
  return { status: response.status, mode: response.headers.get("mt5bridge-mode"), body: await response.json() };
}

/** The messages of a stream of Connect until there are so many, read from the body as it comes. */
export async function streamInJson(call: { url: string; request: object; count: number }): Promise<object[]> {
  const request = new TextEncoder().encode(JSON.stringify(call.request));
  const envelope = new Uint8Array(5 + request.length);
  new DataView(envelope.buffer).setUint32(1, request.length);
  envelope.set(request, 5);
  const leaving = new AbortController();
  const headers = { "content-type": "application/connect+json", "connect-protocol-version": "1" };
  const { signal } = leaving;
  const response = await fetch(call.url, { method: "POST", headers, body: envelope, signal });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const messages: object[] = [];
  let heard = new Uint8Array(0);
  while (messages.length < call.count) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the stream ended");
    const longer = new Uint8Array(heard.length + value.length);
    longer.set(heard);
    longer.set(value, heard.length);
    heard = longer;
    while (heard.length >= 5) {
      const end = 5 + new DataView(heard.buffer, heard.byteOffset).getUint32(1);
      if (heard.length < end) break;
      const message = JSON.parse(new TextDecoder().decode(heard.slice(5, end)));
      if (heard[0] !== 0) throw new Error(`the stream ended: ${JSON.stringify(message)}`);
      messages.push(message);
      heard = heard.slice(end);
    }
  }
  leaving.abort();
  return messages;
}

/** Over gRPC-Web: the whole body of the answer. */
export async function callInGrpcWeb(call: { url: string; request: number[] }): Promise<number[]> {
  const frame = new Uint8Array(5 + call.request.length);
  new DataView(frame.buffer).setUint32(1, call.request.length);
  frame.set(call.request, 5);
  const headers = { "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
  const response = await fetch(call.url, { method: "POST", headers, body: frame });
  return [...new Uint8Array(await response.arrayBuffer())];
}

/** What a page gets hold of at a bridge: the answer's status or "refused", the first frame's type or how it closed. */
export async function reach(bridge: { host: string; order: object }) {
  const service = `http://${bridge.host}/mt5bridge.v1.OrdersService`;
  const asked = async (type: string, mode: "cors" | "no-cors", body: string) => {
    try {
      const headers = { "content-type": type };
      const response = await fetch(`${service}/PlaceOrder`, { method: "POST", mode, headers, body });
      return response.type === "opaque" ? "opaque" : response.status;
    } catch {
      return "refused";
    }
  };
  const socket = (protocols: string[]) =>
    new Promise<string>((resolve) => {
      const one = new WebSocket(`ws://${bridge.host}/websocket/ws`, protocols);
      one.onmessage = ({ data }) => {
        resolve(JSON.parse(data).type);
        one.close();
      };
      one.onclose = ({ code }) => resolve(`closed with ${code}`);
    });
  const order = JSON.stringify(bridge.order);
  return {
    // A browser sends text anywhere without asking first, and does not show the answer.
    unasked: await asked("text/plain", "no-cors", order),
    call: await asked("application/json", "cors", order),
    websocket: await socket(["mt5bridge.v1.json"]),
    simple: await socket([]),
  };
}

export interface Trading {
  readonly host: string;
  /** How many orders before the bridge goes, and how many with those after it has come back. */
  readonly before: number;
  readonly all: number;
  /** The stages that nothing comes after. */
  readonly final: readonly string[];
  /** The name of the page's function that has the bridge restarted and resolves when it is back. */
  readonly restart: string;
}

export interface Traded {
  /** Every event of an order, in the order in which they came. */
  readonly events: readonly { readonly id: string; readonly version: number; readonly stage: string }[];
  /** What was answered to each order, the last time it was sent. */
  readonly answers: Readonly<Record<string, string>>;
  /** Connections in turn: ticks heard, and how each ended. */
  readonly connections: readonly { readonly ticks: number; readonly closed: number }[];
  /** What should not have been said. */
  readonly strange: readonly object[];
}

/**
 * Follows ticks and orders over a WebSocket, gives orders, and goes on behind the last event when the bridge has been
 * away. An order without an answer is given again under its own id.
 */
export function tradeThroughRestart(trading: Trading): Promise<Traded> {
  const restart = (globalThis as unknown as Record<string, () => Promise<void>>)[
    trading.restart
  ] as () => Promise<void>;
  const events: Traded["events"][number][] = [];
  const answers: Record<string, string> = {};
  const connections: { ticks: number; closed: number }[] = [];
  const strange: object[] = [];
  const done = new Set<string>();
  const ids = Array.from({ length: trading.all }, (_, index) => `page-${index}`);
  let cursor: object | undefined;
  let back: Promise<void> | undefined;

  const connect = (finish: (traded: Traded) => void) => {
    const socket = new WebSocket(`ws://${trading.host}/websocket/ws`, ["mt5bridge.v1.json"]);
    const connection = { ticks: 0, closed: 0 };
    connections.push(connection);
    let followed = false;
    let gave = false;
    const say = (frame: object) => socket.send(JSON.stringify(frame));
    const follow = () => {
      followed = true;
      const resumed = cursor === undefined ? {} : { resume_after: cursor };
      say({ type: "subscribe", id: "orders", method: "OrdersService/StreamOrders", data: resumed });
    };
    const give = () => {
      // Not before there is a price.
      if (gave || connection.ticks === 0) return;
      gave = true;
      for (const id of ids.slice(0, back === undefined ? trading.before : trading.all)) {
        if (answers[id] !== undefined) continue;
        const kind = { symbol: "EURUSD", side: "ORDER_SIDE_BUY", type: "ORDER_TYPE_MARKET", volume: 0.01 };
        say({ type: "call", id, method: "OrdersService/PlaceOrder", data: { client_order_id: id, ...kind } });
      }
    };
    const watch = () =>
      say({ type: "subscribe", id: "ticks", method: "TicksService/StreamTicks", data: { symbols: ["EURUSD"] } });
    const count = () => {
      // After the restart half of the orders go by before anyone follows: the cursor is owed them.
      if (!followed && Object.keys(answers).length >= (trading.before + trading.all) / 2) follow();
      if (back === undefined && done.size >= trading.before / 2) back = restart();
      // What is said before the pong belongs to the count, should an event come twice.
      if (done.size === ids.length && ids.every((id) => answers[id] !== undefined)) say({ type: "ping", id: "end" });
    };
    const hear: Record<string, (frame: { id: string; data: never }) => void> = {
      welcome: () => {
        if (back === undefined) follow();
        else watch();
      },
      subscribed: ({ id }) => {
        if (id === "orders" && back === undefined) watch();
      },
      tick_data: ({ data }) => {
        const { snapshot, batch } = data as { snapshot?: { ticks: [] }; batch?: { ticks: [] } };
        connection.ticks += (snapshot ?? batch)?.ticks.length ?? 0;
        give();
      },
      order_update: ({ data }) => {
        const { order, snapshotEnd, ...rest } = data as {
          cursor: object;
          order?: { clientOrderId: string; version: number; stage: string };
          snapshotEnd?: object;
        };
        if (order === undefined && snapshotEnd === undefined) strange.push(rest);
        cursor = rest.cursor;
        if (order === undefined) return;
        events.push({ id: order.clientOrderId, version: order.version, stage: order.stage });
        if (trading.final.includes(order.stage)) done.add(order.clientOrderId);
        count();
      },
      result: ({ id, data }) => {
        answers[id] = (data as { order: { stage: string } }).order.stage;
        count();
      },
      error: (frame) => {
        // A bridge on its way out takes nothing any more.
        if ((frame.data as { code: string }).code !== "unavailable") strange.push(frame);
      },
      pong: () => {
        socket.onclose = null;
        socket.close();
        finish({ events, answers, connections, strange });
      },
      heartbeat: () => undefined,
      closing: () => undefined,
      complete: () => undefined,
    };
    socket.onmessage = ({ data }) => {
      const frame = JSON.parse(data);
      const heard = hear[frame.type];
      if (heard === undefined) strange.push(frame);
      else heard(frame);
    };
    socket.onclose = async ({ code }) => {
      connection.closed = code;
      await back;
      if (back !== undefined && connections.length === 1) return connect(finish);
      strange.push({ closed: code });
      finish({ events, answers, connections, strange });
    };
  };
  return new Promise<Traded>(connect);
}
