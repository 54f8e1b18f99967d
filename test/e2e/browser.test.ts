/** The bridge as web pages meet it, in a real Chromium. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fromBinary } from "@bufbuild/protobuf";
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { BadRequestSchema } from "../../gen/ts/google/rpc/error_details_pb.ts";
import { GetAccountResponseSchema } from "../../gen/ts/mt5bridge/v1/account_pb.ts";
import { OrdersService } from "../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { dataFolder, type RunningBridge, startBridge } from "./bridge.ts";
import { callInGrpcWeb, callInJson, reach, streamInJson, type Traded, tradeThroughRestart } from "./browser-pages.ts";
import { chromiumProgram, launchChromium } from "./chromium.ts";
import { BridgeClient } from "./client.ts";

const inContinuousIntegration = process.env["CI"] !== undefined;

const market = {
  client_order_id: "from-a-page",
  symbol: "EURUSD",
  side: "ORDER_SIDE_BUY",
  type: "ORDER_TYPE_MARKET",
  volume: 0.01,
};

async function listening(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** A port that the bridge can have again after its restart. */
async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, "close");
  return port;
}

describe.skipIf(chromiumProgram === undefined && !inContinuousIntegration)(
  `in a browser${chromiumProgram === undefined ? " [SKIPPED: chromium is not on this machine]" : ""}`,
  () => {
    let browser: Browser;
    let context: BrowserContext;
    let page: Page;
    let bridge: RunningBridge;
    let base: string;

    beforeAll(async () => {
      [browser, bridge] = await Promise.all([launchChromium(), startBridge({ PAPER_RATE: "200" })]);
      base = `http://127.0.0.1:${bridge.httpPort}`;
    });
    afterAll(async () => {
      await browser.close();
      await bridge.stop();
    });
    beforeEach(async () => {
      context = await browser.newContext();
      page = await context.newPage();
    });
    afterEach(() => context.close());

    describe("the documentation", () => {
      it("shows every service and calls the bridge, with nothing in the console", async () => {
        const wrong: string[] = [];
        const asked: string[] = [];
        page.on("console", (line) => wrong.push(`${line.type()}: ${line.text()}`));
        page.on("pageerror", (error) => wrong.push(String(error)));
        page.on("requestfailed", (request) => wrong.push(`failed: ${request.url()}`));
        page.on("request", (request) => asked.push(new URL(request.url()).origin));
        await page.goto(`${base}/docs`);
        expect(await page.title()).toBe("mt5-bridge");
        const operation = (name: string) => page.locator(".opblock", { hasText: name });
        await operation("OrdersService/PlaceOrder").waitFor();
        for (const service of ["Account", "Admin", "Health", "Ticks"])
          expect(await operation(`${service}Service/`).count(), service).toBeGreaterThan(0);

        const getAccount = operation("AccountService/GetAccount");
        await getAccount.click();
        await getAccount.getByRole("button", { name: "Try it out" }).click();
        await getAccount.locator("textarea").fill("{}");
        await getAccount.getByRole("button", { name: "Execute" }).click();
        const answer = getAccount.locator(".live-responses-table .response");
        await answer.waitFor();
        expect(await answer.textContent()).toMatch(/^200[\s\S]*"account": "paper"/);
        expect(wrong).toEqual([]);
        expect(new Set(asked)).toEqual(new Set([base]));
      });
    });

    describe("a page of the bridge's own address", () => {
      beforeEach(async () => {
        await page.goto(`${base}/health`);
      });

      it("calls over Connect, and is told a misspelt field by its name", async () => {
        const url = `${base}/mt5bridge.v1.AccountService/GetAccount`;
        const { status, mode, body } = await page.evaluate(callInJson, { url, request: {} });
        expect([status, mode]).toEqual([200, "paper"]);
        expect(body.account).toMatchObject({ account: "paper", currency: "USD", linkUp: true });

        const order = { ...market, client_order_id: "misspelt", stop_los: 1 };
        const place = `${base}/mt5bridge.v1.OrdersService/PlaceOrder`;
        const refused = await page.evaluate(callInJson, { url: place, request: order });
        expect([refused.status, refused.body.code]).toEqual([400, "invalid_argument"]);
        const details = refused.body.details as { type: string; value: string }[];
        const bad = details.find(({ type }) => type === BadRequestSchema.typeName);
        const { fieldViolations } = fromBinary(BadRequestSchema, Buffer.from(bad?.value ?? "", "base64"));
        expect(fieldViolations.map(({ field }) => field)).toEqual(["stop_los"]);
      });

      it("reads a stream of Connect from the body of a fetch", async () => {
        const url = `${base}/mt5bridge.v1.TicksService/StreamTicks`;
        const request = { symbols: ["EURUSD"] };
        const messages = await page.evaluate(streamInJson, { url, request, count: 10 });
        expect(Object.keys(messages[0] ?? {})).toEqual(["opened"]);
        const batches = messages.slice(1) as { batch?: { ticks: { symbol: string; sequence: string }[] } }[];
        const ticks = batches.flatMap(({ batch }) => batch?.ticks ?? []);
        expect(ticks.length).toBeGreaterThan(5);
        expect(new Set(ticks.map(({ symbol }) => symbol))).toEqual(new Set(["EURUSD"]));
        const [first] = ticks;
        const sequences = ticks.map(({ sequence }) => Number(sequence));
        expect(sequences).toEqual(sequences.map((_, index) => Number(first?.sequence) + index));
      });

      it("calls over gRPC-Web", async () => {
        const url = `${base}/mt5bridge.v1.AccountService/GetAccount`;
        const answer = Buffer.from(await page.evaluate(callInGrpcWeb, { url, request: [] }));
        const end = 5 + answer.readUInt32BE(1);
        const { account } = fromBinary(GetAccountResponseSchema, answer.subarray(5, end));
        expect(account).toMatchObject({ account: "paper", currency: "USD", linkUp: true });
        expect(answer.readUInt8(end)).toBe(0x80);
        expect(answer.subarray(end + 5).toString()).toMatch(/^grpc-status: 0\r\n/);
      });
    });

    describe("a page that trades over WebSocket", () => {
      // What a kill keeps from the broker is rejected when the bridge is back.
      const final = ["ORDER_STAGE_FILLED", "ORDER_STAGE_REJECTED"];
      const trading = { before: 20, all: 40, final, restart: "restartBridge" };

      it.each(["SIGTERM", "SIGKILL"] as const)(
        "hears every event of its orders exactly once through a restart of the bridge by %s",
        async (signal) => {
          const folder = await dataFolder();
          const port = await freePort();
          const host = `127.0.0.1:${port}`;
          const start = () => startBridge({ DATA_DIR: folder.path, MT5_BRIDGE_PORT: String(port), PAPER_RATE: "200" });
          let own = await start();
          onTestFinished(async () => {
            await own.stop();
            await folder.remove();
          });
          await page.exposeFunction(trading.restart, async () => {
            await own.stop(signal);
            own = await start();
          });
          await page.goto(`http://${host}/docs`);
          const traded: Traded = await page.evaluate(tradeThroughRestart, { ...trading, host });
          expect(traded.strange).toEqual([]);
          expect(traded.connections.map(({ closed }) => closed)).toEqual([signal === "SIGTERM" ? 1012 : 1006, 0]);
          for (const { ticks } of traded.connections) expect(ticks).toBeGreaterThan(0);

          const answers = Object.entries(traded.answers);
          expect(answers).toHaveLength(trading.all);
          for (const [id, answer] of answers) {
            const events = traded.events.filter((event) => event.id === id);
            expect(events.map(({ version }) => version)).toEqual(events.map((_, index) => index + 1));
            expect(events.at(-1)?.stage, id).toBe(answer);
          }
          const filled = answers.filter(([, answer]) => answer === "ORDER_STAGE_FILLED");
          expect(filled.length).toBeGreaterThanOrEqual(trading.all - trading.before / 2);
          const client = new BridgeClient(own.grpcPort);
          const { deals } = await client.call(OrdersService.method.listDeals, { pageSize: 1000 });
          expect(deals.filter(({ entry }) => entry === "in")).toHaveLength(filled.length);
          client.close();
        },
        60_000,
      );
    });

    describe("a page of another address", () => {
      let elsewhere: Server;
      let origin: string;

      beforeAll(async () => {
        elsewhere = createServer((_, response) => {
          response.setHeader("content-type", "text/html");
          response.end("<!doctype html><title>elsewhere</title>");
        });
        origin = `http://127.0.0.1:${await listening(elsewhere)}`;
      });
      afterAll(() => {
        elsewhere.closeAllConnections();
        elsewhere.close();
      });
      beforeEach(async () => {
        await page.goto(origin);
      });

      async function ordersAt({ grpcPort }: RunningBridge): Promise<string[]> {
        const client = new BridgeClient(grpcPort);
        const { orders } = await client.call(OrdersService.method.listOrders, {});
        client.close();
        return orders.map(({ clientOrderId }) => clientOrderId);
      }

      it("gets no answer, no WebSocket, and no order to the broker", async () => {
        const got = await page.evaluate(reach, { host: `127.0.0.1:${bridge.httpPort}`, order: market });
        expect(got).toEqual({
          unasked: "opaque",
          call: "refused",
          websocket: "closed with 1006",
          simple: "closed with 1006",
        });
        expect(await ordersAt(bridge)).toEqual([]);
      });

      it("gets all of them where CORS_ORIGINS names its address", async () => {
        const open = await startBridge({ CORS_ORIGINS: origin });
        onTestFinished(async () => void (await open.stop()));
        const got = await page.evaluate(reach, { host: `127.0.0.1:${open.httpPort}`, order: market });
        // What is not declared as JSON is no order, whoever sends it.
        expect(got).toMatchObject({ unasked: "opaque", call: 200, websocket: "welcome" });
        expect(got.simple).toMatch(/^(account_info|tick_data|subscribed)$/);
        expect(await ordersAt(open)).toEqual([market.client_order_id]);
        const url = `http://127.0.0.1:${open.httpPort}/mt5bridge.v1.AccountService/GetAccount`;
        expect(await page.evaluate(callInJson, { url, request: {} })).toMatchObject({ status: 200, mode: "paper" });
      });

      it("is told apart from another that CORS_ORIGINS names", async () => {
        const open = await startBridge({ CORS_ORIGINS: "https://console.example" });
        onTestFinished(async () => void (await open.stop()));
        const got = await page.evaluate(reach, { host: `127.0.0.1:${open.httpPort}`, order: market });
        expect(got).toMatchObject({ call: "refused", websocket: "closed with 1006" });
        expect(await ordersAt(open)).toEqual([]);
      });
    });
  },
);
