/**
 * The ways in which a client may speak: three protocols, each in protobuf or JSON.
 *
 * gRPC, gRPC-Web and Connect's streams put every message in an envelope and tell at the end how it went. Connect's
 * unary calls are bare: one message is the whole body, and a failure is an HTTP status with JSON.
 */

export interface Dialect {
  readonly protocol: "connect" | "grpc-web" | "grpc";
  readonly json: boolean;
  readonly bare: boolean;
  /** Of requests and answers alike. */
  readonly contentType: string;
  /** The request's headers for its compression and for how long the caller will wait. */
  readonly encodingHeader: string;
  readonly timeoutHeader: string;
  /** Of the answer, beside those that every answer has. */
  readonly headers: Readonly<Record<string, string>>;
}

/** The compressions in which requests may come. Answers are not compressed, as on the gRPC port. */
export const encodings = ["gzip", "deflate", "br"] as const;

const accepted = encodings.join(",");

function enveloped(protocol: Dialect["protocol"], contentType: string, json: boolean): Dialect {
  const own = protocol === "connect" ? "connect" : "grpc";
  return {
    protocol,
    json,
    bare: false,
    contentType,
    encodingHeader: own === "connect" ? "connect-content-encoding" : "grpc-encoding",
    timeoutHeader: own === "connect" ? "connect-timeout-ms" : "grpc-timeout",
    headers: {
      "content-type": contentType,
      [own === "connect" ? "connect-accept-encoding" : "grpc-accept-encoding"]: accepted,
    },
  };
}

function bare(contentType: string, json: boolean): Dialect {
  return {
    protocol: "connect",
    json,
    bare: true,
    contentType,
    encodingHeader: "content-encoding",
    timeoutHeader: "connect-timeout-ms",
    headers: { "content-type": contentType, "accept-encoding": accepted },
  };
}

const grpc = [
  enveloped("grpc", "application/grpc", false),
  enveloped("grpc", "application/grpc+proto", false),
  enveloped("grpc", "application/grpc+json", true),
  enveloped("grpc-web", "application/grpc-web", false),
  enveloped("grpc-web", "application/grpc-web+proto", false),
  enveloped("grpc-web", "application/grpc-web+json", true),
];
const byContentType = (dialects: readonly Dialect[]) => new Map(dialects.map((one) => [one.contentType, one]));

const forUnary = byContentType([...grpc, bare("application/json", true), bare("application/proto", false)]);
const forStreams = byContentType([
  ...grpc,
  enveloped("connect", "application/connect+json", true),
  enveloped("connect", "application/connect+proto", false),
]);

/** Undefined: nobody here speaks so of such a method. */
export function dialectOf(contentType: string | undefined, kind: "unary" | "stream"): Dialect | undefined {
  const [type = ""] = (contentType ?? "").split(";", 1);
  return (kind === "unary" ? forUnary : forStreams).get(type.trim().toLowerCase());
}

/** What to speak instead. */
export function contentTypesFor(kind: "unary" | "stream"): string {
  return [...(kind === "unary" ? forUnary : forStreams).keys()].join(", ");
}
