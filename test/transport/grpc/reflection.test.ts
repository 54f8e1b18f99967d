import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { create, createFileRegistry, fromBinary, toBinary } from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { Metadata } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../../gen/ts/grpc/reflection/v1/reflection_pb.ts";
import { ServerReflection as ServerReflectionAlpha } from "../../../gen/ts/grpc/reflection/v1alpha/reflection_pb.ts";
import { OrdersService } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { GetSymbolResponseSchema, TicksService } from "../../../gen/ts/mt5bridge/v1/ticks_pb.ts";
import { tool } from "../../tools.ts";
import { pathOf, type Served, served, someOf, TestClient } from "../served.ts";

const run = promisify(execFile);
let server: Served;
let client: TestClient;

beforeAll(async () => {
  const getSymbol = async () => create(GetSymbolResponseSchema, { symbol: { name: "EURUSD", digits: 5 } });
  server = await served([someOf(TicksService, { getSymbol }), someOf(OrdersService, {})]);
  client = new TestClient(server.port);
});

afterAll(async () => {
  client.close();
  await server.stop(0);
});

type Question = ServerReflectionRequest["messageRequest"];

async function ask(version: typeof ServerReflection | typeof ServerReflectionAlpha, questions: Question[]) {
  const call = client.client.makeBidiStreamRequest(
    pathOf(version.method.serverReflectionInfo),
    (question: Question) =>
      Buffer.from(
        toBinary(
          ServerReflectionRequestSchema,
          create(ServerReflectionRequestSchema, { host: "h", messageRequest: question }),
        ),
      ),
    (bytes) => fromBinary(ServerReflectionResponseSchema, bytes),
    new Metadata(),
  );
  for (const question of questions) call.write(question);
  call.end();
  const answers: ServerReflectionResponse[] = [];
  for await (const answer of call) answers.push(answer as ServerReflectionResponse);
  return answers.map(({ messageResponse }) => messageResponse);
}

function filesIn(answers: ServerReflectionResponse["messageResponse"][]): string[] {
  return answers.flatMap((answer) =>
    answer.case === "fileDescriptorResponse"
      ? answer.value.fileDescriptorProto.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes).name)
      : [],
  );
}

function importedFirst(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const sorted = new Set<FileDescriptorProto>();
  const add = (file: FileDescriptorProto): void => {
    for (const imported of files) if (file.dependency.includes(imported.name)) add(imported);
    sorted.add(file);
  };
  for (const file of files) add(file);
  return [...sorted];
}

describe.each([ServerReflection, ServerReflectionAlpha])("reflection, %s", (version) => {
  it("lists every service", async () => {
    const [answer] = await ask(version, [{ case: "listServices", value: "*" }]);
    expect(answer).toMatchObject({
      value: {
        service: [
          { name: "mt5bridge.v1.TicksService" },
          { name: "mt5bridge.v1.OrdersService" },
          { name: "grpc.health.v1.Health" },
          { name: "grpc.reflection.v1.ServerReflection" },
          { name: "grpc.reflection.v1alpha.ServerReflection" },
        ],
      },
    });
  });

  it("gives a symbol's file with all that it imports: enough to build the whole contract from", async () => {
    const answers = await ask(version, [{ case: "fileContainingSymbol", value: "mt5bridge.v1.OrdersService" }]);
    const bytes = answers.flatMap((answer) =>
      answer.case === "fileDescriptorResponse" ? answer.value.fileDescriptorProto : [],
    );
    const file = bytes.map((each) => fromBinary(FileDescriptorProtoSchema, each));
    const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: importedFirst(file) }));
    expect(registry.getMessage("mt5bridge.v1.PlaceOrderRequest")?.fields).toHaveLength(19);
    expect(registry.getExtension("buf.validate.field")).toBeDefined();
    expect(registry.getMessage("google.protobuf.Timestamp")).toBeDefined();
  });

  it.each([
    "mt5bridge.v1.TicksService.GetSymbol",
    "mt5bridge.v1.Tick",
    "mt5bridge.v1.Tick.bid",
    "mt5bridge.v1.StreamTicksResponse.event",
    "mt5bridge.v1.Delivery",
    "mt5bridge.v1.Delivery.DELIVERY_LATEST",
  ])("finds %s", async (value) => {
    expect(filesIn(await ask(version, [{ case: "fileContainingSymbol", value }]))[0]).toBe("mt5bridge/v1/ticks.proto");
  });

  it("sends a file once per stream, except to who asks for it by name", async () => {
    const names = filesIn(
      await ask(version, [
        { case: "fileContainingSymbol", value: "mt5bridge.v1.TicksService" },
        { case: "fileContainingSymbol", value: "mt5bridge.v1.OrdersService" },
        { case: "fileByFilename", value: "mt5bridge/v1/types.proto" },
      ]),
    );
    const counted = Map.groupBy(names, (name) => name);
    expect(counted.get("mt5bridge/v1/types.proto")).toHaveLength(2);
    expect(counted.get("buf/validate/validate.proto")).toHaveLength(1);
  });

  it("answers for extensions", async () => {
    const containingType = "google.protobuf.FieldOptions";
    const [numbers, file] = await ask(version, [
      { case: "allExtensionNumbersOfType", value: containingType },
      {
        case: "fileContainingExtension",
        value: { $typeName: "grpc.reflection.v1.ExtensionRequest", containingType, extensionNumber: 1159 },
      },
    ]);
    expect(numbers).toMatchObject({ value: { baseTypeName: containingType, extensionNumber: [1159, 1160] } });
    expect(filesIn(file ? [file] : [])[0]).toBe("buf/validate/validate.proto");
  });

  it.each<Question>([
    { case: "fileByFilename", value: "no/such.proto" },
    { case: "fileContainingSymbol", value: "no.Such" },
    { case: "fileContainingSymbol", value: "mt5bridge.v1.Tick.no_such" },
    { case: "fileContainingSymbol", value: "" },
    { case: "allExtensionNumbersOfType", value: "no.Such" },
  ])("knows no $case $value, and the stream goes on", async (question) => {
    const [answer, next] = await ask(version, [question, { case: "listServices", value: "" }]);
    expect(answer).toMatchObject({ case: "errorResponse", value: { errorCode: 5 } });
    expect(next?.case).toBe("listServicesResponse");
  });
});

describe("tools that know no .proto file", () => {
  it.runIf(tool("grpcurl"))("grpcurl lists, describes and calls", async () => {
    const grpcurl = async (...args: string[]) =>
      (
        await run(tool("grpcurl") ?? "", [
          "-plaintext",
          ...args.slice(0, -2),
          `127.0.0.1:${server.port}`,
          ...args.slice(-2),
        ])
      ).stdout;
    expect(await grpcurl("list", "mt5bridge.v1.TicksService")).toContain("mt5bridge.v1.TicksService.StreamTicks");
    expect(await grpcurl("describe", "mt5bridge.v1.PlaceOrderRequest")).toContain("optional double stop_loss");
    const answer = await run(tool("grpcurl") ?? "", [
      "-plaintext",
      "-d",
      '{"symbol":"EURUSD"}',
      `127.0.0.1:${server.port}`,
      "mt5bridge.v1.TicksService/GetSymbol",
    ]);
    expect(JSON.parse(answer.stdout)).toEqual({ symbol: { name: "EURUSD", digits: 5 } });
  });

  it("buf curl lists and calls", async () => {
    const url = `http://127.0.0.1:${server.port}`;
    const buf = async (...args: string[]) =>
      (await run("npx", ["--no-install", "buf", "curl", "--protocol", "grpc", "--http2-prior-knowledge", ...args]))
        .stdout;
    expect(await buf("--list-methods", url)).toContain("mt5bridge.v1.OrdersService/PlaceOrder");
    const answer = await buf("-d", '{"symbol":"EURUSD"}', `${url}/mt5bridge.v1.TicksService/GetSymbol`);
    expect(JSON.parse(answer)).toEqual({ symbol: { name: "EURUSD", digits: 5 } });
  });
});
