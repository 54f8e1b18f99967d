/**
 * OpenAPI 3.1 from the contract, as a plugin of buf: what HTTP and JSON see of each RPC, with comments and rules.
 *
 * Every RPC is a POST of one JSON object (the Connect protocol). Answers that are streams come as enveloped messages,
 * which OpenAPI has no words for: their content type says so, and the schema is that of one message.
 */
import {
  create,
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  fromBinary,
  getOption,
  hasOption,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponseSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { getComments } from "@bufbuild/protoplugin";
import { type FieldRules, field as fieldRules } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import pkg from "../package.json" with { type: "json" };

type Json = Record<string, unknown>;

const errorDescription = "The failure, with google.rpc details: ErrorInfo, BadRequest, RetryInfo, QuotaFailure.";

function commentOf(desc: Parameters<typeof getComments>[0]): string {
  const { leading = "" } = getComments(desc);
  const lines = leading.split("\n").map((line) => line.replace(/^ /, ""));
  // Lines of one paragraph are one line: a reader's window is not ours.
  return lines
    .join("\n")
    .trim()
    .replace(/([^\n])\n(?=[^\n])/g, "$1 ");
}

const described = (desc: Parameters<typeof getComments>[0]): Json => {
  const description = commentOf(desc);
  return description === "" ? {} : { description };
};

function document(files: readonly DescFile[]): Json {
  const schemas = new Map<string, Json>();
  const requests = new Set<string>();
  const services = files.flatMap((file) => file.services);

  const ref = (desc: DescMessage | DescEnum): Json => {
    if (!schemas.has(desc.typeName)) {
      schemas.set(desc.typeName, {}); // a message may contain itself
      schemas.set(desc.typeName, desc.kind === "enum" ? enumSchema(desc) : messageSchema(desc));
    }
    return { $ref: `#/components/schemas/${desc.typeName}` };
  };

  const messageSchema = (desc: DescMessage): Json => {
    const required = desc.fields.filter((field) => rulesOf(field)?.required === true).map((field) => field.jsonName);
    return {
      type: "object",
      ...described(desc),
      properties: Object.fromEntries(desc.fields.map((field) => [field.jsonName, fieldSchema(field)])),
      ...(required.length > 0 ? { required } : {}),
    };
  };

  const fieldSchema = (field: DescField): Json => {
    const oneof =
      field.oneof === undefined
        ? undefined
        : `One of ${field.oneof.fields.map(({ jsonName }) => jsonName).join(", ")}.`;
    const description = [commentOf(field), ...(oneof === undefined ? [] : [oneof])].join(" ").trim();
    const own = description === "" ? {} : { description };
    switch (field.fieldKind) {
      case "scalar":
        return { ...scalarSchema(field.scalar), ...scalarRules(rulesOf(field)), ...own };
      case "enum":
        return { ...ref(field.enum), ...own };
      case "message":
        return { ...messageRef(field.message), ...own };
      case "list": {
        const rules = rulesOf(field)?.type;
        const limits = rules?.case === "repeated" ? rules.value : undefined;
        const of = limits?.items;
        const items =
          field.listKind === "scalar"
            ? { ...scalarSchema(field.scalar), ...scalarRules(of) }
            : field.listKind === "enum"
              ? ref(field.enum)
              : messageRef(field.message);
        return {
          type: "array",
          items,
          ...(limits?.minItems ? { minItems: Number(limits.minItems) } : {}),
          ...(limits?.maxItems ? { maxItems: Number(limits.maxItems) } : {}),
          ...(limits?.unique ? { uniqueItems: true } : {}),
          ...own,
        };
      }
      case "map": {
        const values =
          field.mapKind === "scalar"
            ? scalarSchema(field.scalar)
            : field.mapKind === "enum"
              ? ref(field.enum)
              : messageRef(field.message);
        return { type: "object", additionalProperties: values, ...own };
      }
    }
  };

  const messageRef = (desc: DescMessage): Json => wellKnown[desc.typeName] ?? ref(desc);

  const paths: Record<string, Json> = {};
  for (const service of services) {
    for (const method of service.methods) {
      requests.add(method.input.typeName);
      paths[`/${service.typeName}/${method.name}`] = { post: operation(method, ref) };
    }
  }
  for (const name of requests) {
    const schema = schemas.get(name);
    if (schema !== undefined) schema["additionalProperties"] = false; // a typing error in an order is an error
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "mt5-bridge",
      version: pkg.version,
      license: { name: "MIT", identifier: "MIT" },
      description:
        "MetaTrader 5 accounts, ticks and orders. Every RPC is a POST of one JSON object; gRPC, gRPC-Web and WebSocket carry the same messages.",
    },
    servers: [{ url: "/" }],
    security: [{}, { bearer: [] }],
    tags: services.map((service) => ({ name: service.typeName, ...described(service) })),
    paths,
    components: {
      schemas: Object.fromEntries([
        ...[...schemas].toSorted(([a], [b]) => (a < b ? -1 : 1)),
        ["connect.Error", errorSchema],
      ]),
      securitySchemes: { bearer: { type: "http", scheme: "bearer" } },
    },
  };
}

function operation(method: DescMethod, ref: (desc: DescMessage) => Json): Json {
  const [summary = "", ...more] = commentOf(method).split(/(?<=\.)\s/);
  const stream = method.methodKind !== "unary";
  const type = stream ? "application/connect+json" : "application/json";
  const answer = stream
    ? "Messages of this schema, one after the other, each in an envelope of Connect."
    : "The answer.";
  return {
    operationId: `${method.parent.typeName}.${method.name}`,
    tags: [method.parent.typeName],
    summary,
    ...(more.length > 0 ? { description: more.join(" ") } : {}),
    requestBody: { required: true, content: { [type]: { schema: ref(method.input) } } },
    responses: {
      "200": { description: answer, content: { [type]: { schema: ref(method.output) } } },
      default: {
        description: errorDescription,
        content: { "application/json": { schema: { $ref: "#/components/schemas/connect.Error" } } },
      },
    },
  };
}

/** As protobuf's JSON has them. */
const wellKnown: Readonly<Record<string, Json>> = {
  "google.protobuf.Timestamp": { type: "string", format: "date-time" },
  "google.protobuf.Duration": { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$" },
};

const errorSchema: Json = {
  type: "object",
  description: errorDescription,
  properties: {
    code: { type: "string", description: "The status in lower case, for example invalid_argument." },
    message: { type: "string" },
    details: {
      type: "array",
      items: {
        type: "object",
        properties: {
          type: { type: "string", description: "For example google.rpc.ErrorInfo." },
          value: { type: "string", description: "The message's bytes in base64." },
          debug: { description: "The message as JSON." },
        },
      },
    },
  },
};

function enumSchema(desc: DescEnum): Json {
  const words = desc.values.map((value) => `- \`${value.name}\`: ${commentOf(value)}`);
  return {
    type: "string",
    description: [commentOf(desc), words.join("\n")].join("\n\n").trim(),
    enum: desc.values.map(({ name }) => name),
  };
}

function scalarSchema(type: ScalarType): Json {
  switch (type) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.DOUBLE:
      return { type: "number", format: "double" };
    case ScalarType.FLOAT:
      return { type: "number", format: "float" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", format: "int64", minimum: 0 };
    case ScalarType.INT32:
    case ScalarType.SINT32:
    case ScalarType.SFIXED32:
      return { type: "integer", format: "int32" };
    default:
      // 64 bits are more than JSON's readers can count to: written as a string, read as either.
      return { type: ["string", "integer"], format: ScalarType[type].toLowerCase() };
  }
}

function rulesOf(field: DescField): FieldRules | undefined {
  return hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
}

function scalarRules(rules: FieldRules | undefined): Json {
  const type = rules?.type;
  switch (type?.case) {
    case "string": {
      const { pattern, minLen, maxLen } = type.value;
      return {
        ...(pattern === "" ? {} : { pattern }),
        ...(minLen === 0n ? {} : { minLength: Number(minLen) }),
        ...(maxLen === 0n ? {} : { maxLength: Number(maxLen) }),
      };
    }
    case "double":
    case "int32":
    case "uint32": {
      const { greaterThan, lessThan } = type.value;
      const low = { gt: "exclusiveMinimum", gte: "minimum" } as const;
      const high = { lt: "exclusiveMaximum", lte: "maximum" } as const;
      return {
        ...(greaterThan.case === undefined ? {} : { [low[greaterThan.case]]: greaterThan.value }),
        ...(lessThan.case === undefined ? {} : { [high[lessThan.case]]: lessThan.value }),
      };
    }
    default:
      return {};
  }
}

const input: Buffer[] = [];
for await (const chunk of process.stdin) input.push(chunk as Buffer);
const request = fromBinary(CodeGeneratorRequestSchema, Buffer.concat(input));
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: request.protoFile }));
const files = [...registry.files].filter(({ proto }) => proto.package === "mt5bridge.v1");
const content = `${JSON.stringify(document(files), null, 2)}\n`;
process.stdout.write(
  toBinary(
    CodeGeneratorResponseSchema,
    create(CodeGeneratorResponseSchema, {
      supportedFeatures: BigInt(CodeGeneratorResponse_Feature.PROTO3_OPTIONAL),
      file: [{ name: "mt5bridge.json", content }],
    }),
  ),
);
