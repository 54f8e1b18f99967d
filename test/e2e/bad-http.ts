/** Generated bad requests over the HTTP port, and what is wrong with the answers, if anything. */
import { Agent, request as httpRequest, type IncomingMessage } from "node:http";
import type { DescMethod } from "@bufbuild/protobuf";
import { framed } from "../transport/raw-peer.ts";
import { type ErrorJson, type Told, toldInJson, toldInStatus } from "../transport/told.ts";
import { type BadRequestBytes, badRequests } from "./bad-input.ts";
import { badJsonRequests } from "./bad-json.ts";
import { complaintOf } from "./complaint.ts";

export type Way = "Connect JSON" | "Connect protobuf" | "gRPC-Web";

// biome-ignore format: a table is read by its columns
const contentTypes: Readonly<Record<Way, { readonly unary: string; readonly stream: string }>> = {
  "Connect JSON":     { unary: "application/json",      stream: "application/connect+json" },
  "Connect protobuf": { unary: "application/proto",     stream: "application/connect+proto" },
  "gRPC-Web":         { unary: "application/grpc-web",  stream: "application/grpc-web" },
};

const inFlight = 8;

/** Sends them all, and tells how many there were and what was wrong with the answers. */
export async function badInputOver(
  way: Way,
  port: number,
  seed: number,
): Promise<{ sent: number; complaints: string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: inFlight });
  const complaints: string[] = [];
  let sent = 0;
  const requests = (way === "Connect JSON" ? badJsonRequests(seed) : badRequests(seed))[Symbol.iterator]();
  const worker = async () => {
    for (let next = requests.next(); !next.done; next = requests.next()) {
      sent++;
      const found = complaintOf(next.value, await answerOver(way, port, agent, next.value));
      if (found !== undefined) complaints.push(found);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  agent.destroy();
  return { sent, complaints };
}

/** Undefined: OK. A text: no answer in the form of the protocol. */
async function answerOver(way: Way, port: number, agent: Agent, { method, bytes }: BadRequestBytes) {
  const unary = method.methodKind === "unary";
  const bare = unary && way !== "gRPC-Web";
  const headers = { "content-type": contentTypes[way][unary ? "unary" : "stream"] };
  const body = bare ? Buffer.from(bytes) : framed(bytes);
  const path = pathOf(method);
  return new Promise<Told | string | undefined>((resolve) => {
    const request = httpRequest({ host: "127.0.0.1", port, agent, path, method: "POST", headers });
    request.on("error", (error) => resolve(`no answer: ${error.message}`));
    request.on("response", (response) => {
      read(response, bare).then(resolve, (error: unknown) => resolve(`no sense in the answer: ${error}`));
    });
    request.end(body);
  });
}

const pathOf = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`;

async function read(response: IncomingMessage, bare: boolean): Promise<Told | string | undefined> {
  let heard = Buffer.alloc(0);
  for await (const chunk of response) {
    heard = Buffer.concat([heard, chunk as Buffer]);
    // The first message of a stream says that the request was taken.
    if (!bare && heard.length > 0 && heard.readUInt8(0) === 0) {
      response.destroy();
      return undefined;
    }
  }
  if (bare) return response.statusCode === 200 ? undefined : toldInJson(JSON.parse(heard.toString()));
  const content = heard.subarray(5).toString();
  if (heard.readUInt8(0) === 2) {
    const { error } = JSON.parse(content) as { error?: ErrorJson };
    return error && toldInJson(error);
  }
  const trailers = new Map(content.split("\r\n").map((line) => line.split(": ", 2) as [string, string]));
  if (trailers.get("grpc-status") === "0") return undefined;
  const told = toldInStatus(Buffer.from(trailers.get("grpc-status-details-bin") ?? "", "base64"));
  return { ...told, code: Number(trailers.get("grpc-status")) };
}
