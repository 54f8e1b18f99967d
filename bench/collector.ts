/** Where traces are sent: an OTLP endpoint that reads what comes and keeps nothing. Run by `startClient`. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { work } from "./client.ts";

await work<object, number>(async () => {
  const server = createServer((request, response) => {
    request.resume().on("end", () => response.writeHead(200).end());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
});
