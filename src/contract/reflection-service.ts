/**
 * Server reflection, v1 and v1alpha, from the descriptors that the bridge runs on: tools such as grpcurl and
 * `buf curl` then need no `.proto` file.
 *
 * A file is sent with everything it imports, each file once per stream. The details of errors are among them.
 */
import {
  create,
  createRegistry,
  type DescExtension,
  type DescFile,
  type DescService,
  type MessageInitShape,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "../../gen/ts/google/rpc/error_details_pb.ts";
import { file_google_rpc_status } from "../../gen/ts/google/rpc/status_pb.ts";
import {
  ServerReflection,
  type ServerReflectionRequest,
  ServerReflectionResponseSchema,
} from "../../gen/ts/grpc/reflection/v1/reflection_pb.ts";
import {
  ServerReflection as ServerReflectionAlpha,
  ServerReflectionResponseSchema as ServerReflectionResponseAlphaSchema,
} from "../../gen/ts/grpc/reflection/v1alpha/reflection_pb.ts";
import { codes } from "./fault-status.ts";
import { type Service, service } from "./service.ts";

type Question = ServerReflectionRequest["messageRequest"];
type Answer = NonNullable<MessageInitShape<typeof ServerReflectionResponseSchema>["messageResponse"]>;

export function reflectionServices(services: readonly DescService[]): Service[] {
  const all = [...services, ServerReflection, ServerReflectionAlpha];
  const files = withImports([...all.map(({ file }) => file), file_google_rpc_error_details, file_google_rpc_status]);
  const registry = createRegistry(...files);
  const answerer = () => {
    const sent = new Set<DescFile>();
    return (question: Question) => answerTo(question, all, files, registry, sent);
  };

  return [
    service(ServerReflection, {
      async *serverReflectionInfo(requests) {
        const answer = answerer();
        for await (const originalRequest of requests) {
          const messageResponse = answer(originalRequest.messageRequest);
          yield create(ServerReflectionResponseSchema, {
            validHost: originalRequest.host,
            originalRequest,
            messageResponse,
          });
        }
      },
    }),
    service(ServerReflectionAlpha, {
      async *serverReflectionInfo(requests) {
        const answer = answerer();
        for await (const originalRequest of requests) {
          // The two versions differ in their names only.
          const messageResponse = answer(originalRequest.messageRequest as Question);
          yield create(ServerReflectionResponseAlphaSchema, {
            validHost: originalRequest.host,
            originalRequest,
            messageResponse,
          } as MessageInitShape<typeof ServerReflectionResponseAlphaSchema>);
        }
      },
    }),
  ];
}

function answerTo(
  question: Question,
  services: readonly DescService[],
  files: ReadonlySet<DescFile>,
  registry: Registry,
  sent: Set<DescFile>,
): Answer {
  switch (question.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: { service: services.map(({ typeName }) => ({ name: typeName })) },
      };
    case "fileByFilename":
      return fileAnswer(
        [...files].find(({ proto }) => proto.name === question.value),
        sent,
      );
    case "fileContainingSymbol":
      return fileAnswer(fileOf(question.value, registry), sent);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = question.value;
      const extension = extensionsOf(containingType, registry).find(({ number }) => number === extensionNumber);
      return fileAnswer(extension?.file, sent);
    }
    case "allExtensionNumbersOfType": {
      if (registry.getMessage(question.value) === undefined) return notFound;
      const extensionNumber = extensionsOf(question.value, registry).map(({ number }) => number);
      return { case: "allExtensionNumbersResponse", value: { baseTypeName: question.value, extensionNumber } };
    }
    default:
      return {
        case: "errorResponse",
        value: { errorCode: codes.INVALID_ARGUMENT, errorMessage: "message_request: must be set" },
      };
  }
}

const notFound: Answer = {
  case: "errorResponse",
  value: { errorCode: codes.NOT_FOUND, errorMessage: "There is nothing of this name here." },
};

function fileAnswer(file: DescFile | undefined, sent: Set<DescFile>): Answer {
  if (file === undefined) return notFound;
  const news = [...withImports([file])].filter((each) => each === file || !sent.has(each));
  for (const each of news) sent.add(each);
  const fileDescriptorProto = news.map(({ proto }) => toBinary(FileDescriptorProtoSchema, proto));
  return { case: "fileDescriptorResponse", value: { fileDescriptorProto } };
}

/** A symbol may be a type or service, or a method, field or value within one. */
function fileOf(symbol: string, registry: Registry): DescFile | undefined {
  const found = registry.get(symbol);
  if (found !== undefined) return found.file;
  const dot = symbol.lastIndexOf(".");
  const parent = dot < 0 ? undefined : registry.get(symbol.slice(0, dot));
  const name = symbol.slice(dot + 1);
  switch (parent?.kind) {
    case "service":
      return parent.methods.some((method) => method.name === name) ? parent.file : undefined;
    case "message":
      return parent.members.some((member) => member.name === name) ? parent.file : undefined;
    case "enum":
      return parent.values.some((value) => value.name === name) ? parent.file : undefined;
    default:
      return undefined;
  }
}

function extensionsOf(typeName: string, registry: Registry): DescExtension[] {
  return [...registry]
    .filter((desc) => desc.kind === "extension")
    .filter((desc) => desc.extendee.typeName === typeName);
}

/** The files and all that they import, each once, importers first. */
function withImports(files: readonly DescFile[], found = new Set<DescFile>()): Set<DescFile> {
  for (const file of files) {
    if (found.has(file)) continue;
    found.add(file);
    withImports(file.dependencies, found);
  }
  return found;
}
