/**
 * `/docs`: the contract, to be read and tried in a browser.
 *
 * Everything comes from the bridge itself: where the bridge runs, the internet may be out of reach, and a page that
 * can place orders loads no code from elsewhere. The headers hold the browser to that.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { openapiText } from "../../contract/openapi.ts";
import type { Exchange } from "../exchange.ts";
import type { Route } from "./router.ts";

interface Page {
  readonly type: string;
  readonly body: () => Buffer;
}

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>mt5-bridge</title>
<link rel="icon" href="/docs/favicon-32x32.png">
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

const start = `SwaggerUIBundle({
  url: "/docs/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  docExpansion: "list",
  validatorUrl: null,
});
`;

const javascript = "text/javascript; charset=utf-8";

/** Where the page's own files are; found when the page is first looked at. */
const fromPackage = (name: string) => () => {
  const folderOf = createRequire(import.meta.url)("swagger-ui-dist/absolute-path.js") as () => string;
  return readFileSync(join(folderOf(), name));
};

const html: Page = { type: "text/html; charset=utf-8", body: () => Buffer.from(page) };

const pages: Readonly<Record<string, Page>> = {
  "/docs": html,
  "/docs/": html,
  "/docs/start.js": { type: javascript, body: () => Buffer.from(start) },
  "/docs/openapi.json": { type: "application/json", body: () => Buffer.from(openapiText()) },
  "/docs/swagger-ui-bundle.js": { type: javascript, body: fromPackage("swagger-ui-bundle.js") },
  "/docs/swagger-ui.css": { type: "text/css; charset=utf-8", body: fromPackage("swagger-ui.css") },
  "/docs/favicon-32x32.png": { type: "image/png", body: fromPackage("favicon-32x32.png") },
};

export function docsRoutes(): Route[] {
  return Object.entries(pages).map(([path, { type, body }]) => {
    let loaded: Buffer | undefined;
    const serve = ({ request, response }: Exchange): void => {
      request.resume();
      loaded ??= body();
      response.writeHead(200, { ...headers, "content-type": type, "content-length": loaded.length });
      response.end(request.method === "HEAD" ? undefined : loaded);
    };
    return { verb: "GET", path, serve };
  });
}

/** No code, style or picture from elsewhere, nothing sent elsewhere, no frame around it. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const headers = {
  "content-security-policy": policy,
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};
