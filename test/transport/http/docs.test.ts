import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openapiText } from "../../../src/contract/openapi.ts";
import { docsRoutes } from "../../../src/transport/http/docs.ts";
import { type ServedHttp, servedHttp } from "./served-http.ts";

let server: ServedHttp;
beforeAll(async () => {
  server = await servedHttp([], { routes: docsRoutes() });
});
afterAll(async () => {
  await server.stop(0);
});

describe("the documentation page", () => {
  it("comes with everything it names, from the bridge itself", async () => {
    const page = await fetch(`${server.url}/docs`);
    const html = await page.text();
    expect(page.headers.get("content-type")).toBe("text/html; charset=utf-8");
    expect(await (await fetch(`${server.url}/docs/`)).text()).toBe(html);
    const named = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, path]) => path ?? "");
    const start = await (await fetch(`${server.url}/docs/start.js`)).text();
    named.push(/url: "([^"]+)"/.exec(start)?.[1] ?? "");
    expect(named).toHaveLength(5);
    for (const path of named) {
      expect(path).toMatch(/^\/docs\//);
      const answer = await fetch(server.url + path);
      expect([path, answer.status]).toEqual([path, 200]);
      expect((await answer.arrayBuffer()).byteLength).toBe(Number(answer.headers.get("content-length")));
    }
  });

  it("lets the browser load nothing from elsewhere", async () => {
    const { headers } = await fetch(`${server.url}/docs`);
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy).not.toMatch(/https?:|\*|unsafe-eval/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("answers HEAD without a body, and nothing at other names", async () => {
    const head = await fetch(`${server.url}/docs`, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([200, ""]);
    for (const path of ["/docs/package.json", "/docs/..%2fpackage.json", "/docs/swagger-ui-bundle.js.map"]) {
      expect((await fetch(server.url + path)).status).toBe(404);
    }
  });
});

describe("the OpenAPI description", () => {
  const openapi = JSON.parse(openapiText()) as {
    openapi: string;
    paths: Record<string, { post: { requestBody: { content: Record<string, unknown> } } }>;
    components: {
      schemas: Record<string, { description?: string; properties?: Record<string, Record<string, unknown>> }>;
    };
  };

  it("has every RPC of the contract, unary ones as plain JSON", () => {
    const place = openapi.paths["/mt5bridge.v1.OrdersService/PlaceOrder"];
    const stream = openapi.paths["/mt5bridge.v1.TicksService/StreamTicks"];
    expect(Object.keys(place?.post.requestBody.content ?? {})).toEqual(["application/json"]);
    expect(Object.keys(stream?.post.requestBody.content ?? {})).toEqual(["application/connect+json"]);
    expect(openapi.openapi).toBe("3.1.0");
  });

  it("has the contract's rules and words", () => {
    const request = openapi.components.schemas["mt5bridge.v1.PlaceOrderRequest"];
    expect(request?.properties?.["clientOrderId"]).toMatchObject({ pattern: "^[A-Za-z0-9_.:-]{1,64}$" });
    expect(request?.properties?.["volume"]).toMatchObject({ exclusiveMinimum: 0 });
    expect(request).toMatchObject({ additionalProperties: false, description: "An order to be given." });
    const undescribed = Object.entries(openapi.components.schemas).flatMap(([name, { properties = {} }]) =>
      Object.entries(properties).filter(([, { description }]) => !description && name.startsWith("mt5bridge")),
    );
    expect(undescribed).toEqual([]);
  });

  it("refers to nothing that is not in it", () => {
    const refs = [...openapiText().matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name ?? "",
    );
    expect(refs.length).toBeGreaterThan(50);
    expect(refs.filter((name) => !(name in openapi.components.schemas))).toEqual([]);
  });
});
