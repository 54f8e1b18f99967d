/** The TypeScript client in a page: installed as its README tells, bundled, and run in a real Chromium. */
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { build } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import type * as browser from "../../../clients/typescript/src/browser.ts";
import { OrdersService } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { projects } from "../../tools.ts";
import { chromiumProgram, launchChromium } from "../chromium.ts";
import { BridgeClient } from "../client.ts";
import { expectNothingMissed, type LastingBridge, lastingBridge, relayTo } from "./interruption.ts";
import { installed } from "./strategy.ts";
import type { Traded, trade } from "./trading.ts";

/** What the bundled script has for the functions that are sent into the page. */
interface OfThePage {
  readonly client: typeof browser;
  readonly trade: typeof trade;
  readonly interrupt: () => Promise<void>;
}

const script = `import * as client from "mt5-bridge-client";
import { trade } from "${join(import.meta.dirname, "trading.ts")}";
Object.assign(globalThis, { client, trade });`;

const ready = chromiumProgram !== undefined && installed("typescript");
const inContinuousIntegration = process.env["CI"] !== undefined;

describe.skipIf(!ready && !inContinuousIntegration)(
  `in a page${ready ? "" : " [SKIPPED: chromium is not here, or `npm test` could not install the client]"}`,
  () => {
    let project: string;
    let pages: Server;
    let chromium: Browser;
    let bridge: LastingBridge;
    let page: Page;

    beforeAll(async () => {
      project = mkdtempSync(join(tmpdir(), "page-"));
      cpSync(join(projects, "typescript"), project, { recursive: true });
      writeFileSync(join(project, "page.js"), script);
      const options = { write: false, rollupOptions: { input: join(project, "page.js") } };
      const bundled = await build({ root: project, configFile: false, logLevel: "warn", build: options });
      if (!("output" in bundled)) throw new Error("nothing was bundled");
      const [{ code }] = bundled.output;
      pages = createServer(({ url }, response) => {
        response.setHeader("content-type", url === "/page.js" ? "text/javascript" : "text/html");
        response.end(url === "/page.js" ? code : '<!doctype html><script type="module" src="/page.js"></script>');
      }).listen(0, "127.0.0.1");
      await once(pages, "listening");
      const origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
      [chromium, bridge] = await Promise.all([launchChromium(), lastingBridge({ CORS_ORIGINS: origin })]);
    });
    afterAll(async () => {
      await chromium.close();
      pages.close();
      await bridge.stop();
      rmSync(project, { recursive: true });
    });
    beforeEach(async () => {
      page = await (await chromium.newContext()).newPage();
      await page.goto(`http://127.0.0.1:${(pages.address() as AddressInfo).port}`);
    });
    afterEach(() => page.context().close());

    async function traded(port: number, plan: { orders: number; strategyId: number }): Promise<Traded> {
      return await page.evaluate(
        ({ baseUrl, plan }) => {
          const { client, trade, interrupt } = globalThis as unknown as OfThePage;
          return trade(client, client.bridge({ baseUrl }), { ...plan, interrupt });
        },
        { baseUrl: `http://127.0.0.1:${port}`, plan },
      );
    }

    it("no order event is missed and no order placed twice while the bridge is killed and comes back, and ticks say that they begin anew", async () => {
      const plan = { orders: 30, strategyId: 1 };
      await page.exposeFunction("interrupt", () => bridge.restart("SIGKILL"));
      const seen = await traded(bridge.httpPort, plan);
      await expectNothingMissed(seen, plan, { grpcPort: bridge.grpcPort, resets: 1 });
    }, 120_000);

    it("nothing at all is missed while connections are cut", async () => {
      const relay = await relayTo(bridge.httpPort);
      onTestFinished(() => relay.close());
      const plan = { orders: 30, strategyId: 2 };
      await page.exposeFunction("interrupt", () => relay.cut());
      const seen = await traded(relay.port, plan);
      await expectNothingMissed(seen, plan, { grpcPort: bridge.grpcPort, resets: 0 });
    }, 120_000);

    it("an order whose answer a page never had is found by the page after it, and was executed once", async () => {
      const baseUrl = `http://127.0.0.1:${bridge.httpPort}`;
      let sent = () => {};
      const wasSent = new Promise<void>((resolve) => {
        sent = resolve;
      });
      await page.route("**/PlaceOrder", async (route) => {
        if (route.request().method() === "POST") await route.fetch().then(sent);
        await route.abort();
      });
      await page.evaluate(async (baseUrl) => {
        const { client } = globalThis as unknown as OfThePage;
        const mt5 = client.bridge({ baseUrl });
        for await (const _ of mt5.ticks(["EURUSD"])) break; // not before there is a price
        const buy = { symbol: "EURUSD", side: client.OrderSide.BUY, type: client.OrderType.MARKET, volume: 0.01 };
        void mt5.orders.place({ ...buy, strategyId: 3 });
      }, baseUrl);
      await wasSent;
      await page.unrouteAll({ behavior: "ignoreErrors" });
      await page.reload();
      const found = await page.evaluate(async (baseUrl) => {
        const mt5 = (globalThis as unknown as OfThePage).client.bridge({ baseUrl });
        const replayed: boolean[] = [];
        for (const kept of await mt5.orders.kept()) replayed.push((await mt5.orders.again(kept)).replayed);
        return { replayed, left: (await mt5.orders.kept()).length };
      }, baseUrl);
      expect(found).toEqual({ replayed: [true], left: 0 });
      const client = new BridgeClient(bridge.grpcPort);
      const { deals } = await client.call(OrdersService.method.listDeals, { strategyId: 3 });
      client.close();
      expect(deals).toHaveLength(1);
    });
  },
);
