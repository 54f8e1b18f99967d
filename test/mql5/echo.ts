/**
 * A process of generated MQL5 that reads messages and says what it has read: each field by its name, and the message as
 * it would write it. The names are taken from the contract here, not from the generator: fields that it had confused in
 * both directions would show.
 */
import { spawnSync } from "node:child_process";
import {
  type DescField,
  type DescFile,
  type DescMessage,
  isFieldSet,
  type Message,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import { reflect } from "@bufbuild/protobuf/reflect";

const withNested = (message: DescMessage): DescMessage[] => [message, ...message.nestedMessages.flatMap(withNested)];
export const messagesOf = (file: DescFile): DescMessage[] => file.messages.flatMap(withNested);

/** Of the test's own contract: words of MQL5, and of the functions that are generated. */
const renamed = new Set(["input", "group", "end", "count", "struct", "long", "string"]);
const member = ({ name }: DescField): string => (renamed.has(name) ? `${name}_` : name);

function typeName(desc: DescMessage): string {
  const stem = desc.file.name.replace(/^.*\//, "");
  const own = desc.typeName.slice(desc.file.proto.package.length + 1).replaceAll(".", "");
  return `${stem.charAt(0).toUpperCase()}${stem.slice(1)}${own}`;
}

function shows(desc: DescMessage): string {
  const lines = desc.fields.map((field) => {
    const name = `m.${member(field)}`;
    const bytes = field.scalar === ScalarType.BYTES;
    if (field.fieldKind === "list")
      return `to += "${field.name}["; for (int i = 0; i < ArraySize(${name}); i++) show(to, ${name}[i]); to += "]";`;
    const one = `to += "${field.name}="; show(to, ${name});`;
    if (field.oneof !== undefined) return `if (m.${field.oneof.name}_case == ${field.number}) { ${one} }`;
    if (field.message !== undefined || field.proto.proto3Optional) return `if (m.has_${field.name}) { ${one} }`;
    return bytes ? `if (ArraySize(${name}) > 0) { ${one} }` : one;
  });
  return `void show(std::string &to, const ${typeName(desc)} &m) {\n to += "{";\n ${lines.join("\n ")}\n to += "}";\n}`;
}

/** The C++ behind the translated file: types are known by their place in `messages`. */
export function host(messages: readonly DescMessage[]): string {
  return `
namespace program {
std::string hex(const void *from, int count) {
  std::string text;
  char part[3];
  for (int i = 0; i < count; i++) {
    std::snprintf(part, sizeof part, "%02x", static_cast<const unsigned char *>(from)[i]);
    text += part;
  }
  return text;
}
template <std::integral T> void show(std::string &to, T value) { to += std::to_string(value) + ","; }
void show(std::string &to, double value) { to += hex(&value, 8) + ","; }
void show(std::string &to, float value) { to += hex(&value, 4) + ","; }
void show(std::string &to, const mql::Array<uchar> &value) { to += hex(value.data(), ArraySize(value)) + ","; }
void show(std::string &to, const mql::String &value) {
  const std::string bytes = value.bytes();
  to += hex(bytes.data(), int(bytes.size())) + ",";
}
${messages.map((desc) => `void show(std::string &to, const ${typeName(desc)} &m);`).join("\n")}
${messages.map(shows).join("\n")}

void answer(bool good, const std::string &shown, const unsigned char *bytes, unsigned size) {
  const unsigned length = unsigned(shown.size());
  std::putchar(good);
  std::fwrite(&length, 4, 1, stdout);
  std::fwrite(shown.data(), 1, length, stdout);
  std::fwrite(&size, 4, 1, stdout);
  if (size > 0) std::fwrite(bytes, 1, size, stdout);
}
/** Within other bytes every second time: none of those may be read. */
template <typename T> void echo(const std::string &frame, unsigned turn) {
  static T message;  // as it was left by the one before
  static ProtoWriter writer;
  const int before = turn % 2 ? 3 : 0, behind = turn % 2 ? 5 : 0, size = int(frame.size());
  mql::Array<uchar> bytes;
  ArrayResize(bytes, before + size + behind);
  ArrayFill(bytes, 0, before + size + behind, 1);
  for (int i = 0; i < size; i++) bytes[before + i] = uchar(frame[i]);
  string why;
  if (!message.Decode(bytes, before, before + size, why)) return answer(false, why.bytes(), nullptr, 0);
  std::string shown;
  show(shown, message);
  writer.Reset();
  message.Encode(writer);
  answer(true, shown, writer.bytes.data(), unsigned(writer.size));
}
}  // namespace program

int main() {
  unsigned head[2];
  for (unsigned turn = 0; std::fread(head, 8, 1, stdin) == 1; turn++) {
    std::string frame(head[1], 0);
    if (head[1] > 0 && std::fread(frame.data(), head[1], 1, stdin) != 1) return 2;
    switch (head[0]) {
${messages.map((desc, at) => `      case ${at}: program::echo<program::${typeName(desc)}>(frame, turn); break;`).join("\n")}
      default: return 3;
    }
  }
  return 0;
}
`;
}

export interface Frame {
  readonly desc: DescMessage;
  readonly bytes: Uint8Array;
}

/** What was read, by its names, and what is written of it; or why it was not read. */
export type Echo = { readonly shown: string; readonly bytes: Uint8Array } | { readonly why: string };

/** Throws when the process does not end well: then it has read where it must not, or hangs. */
export function echoes(program: string, messages: readonly DescMessage[], frames: readonly Frame[]): Echo[] {
  const input = frames.flatMap(({ desc, bytes }) => {
    const head = Buffer.alloc(8);
    head.writeUInt32LE(messages.indexOf(desc), 0);
    head.writeUInt32LE(bytes.length, 4);
    return [head, bytes];
  });
  const { status, signal, stdout, stderr } = spawnSync(program, {
    input: Buffer.concat(input),
    maxBuffer: 1 << 30,
    timeout: 60_000,
  });
  if (status !== 0) throw new Error(`it ended with ${status ?? signal}: ${stderr.toString()}`);
  let at = 0;
  const part = (): Buffer => {
    const size = stdout.readUInt32LE(at);
    at += 4 + size;
    return stdout.subarray(at - size, at);
  };
  return frames.map((): Echo => {
    const good = stdout[at++] === 1;
    const text = part().toString();
    const bytes = new Uint8Array(part());
    return good ? { shown: text, bytes } : { why: text };
  });
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

function shownValue(field: DescField, value: unknown): string {
  if (field.message !== undefined) return shown(field.message, value as Message);
  switch (field.scalar) {
    case ScalarType.DOUBLE:
      return `${hex(new Uint8Array(Float64Array.of(value as number).buffer))},`;
    case ScalarType.FLOAT:
      return `${hex(new Uint8Array(Float32Array.of(value as number).buffer))},`;
    case ScalarType.STRING:
      return `${hex(new TextEncoder().encode(value as string))},`;
    case ScalarType.BYTES:
      return `${hex(value as Uint8Array)},`;
    default:
      return `${Number(value) === value || typeof value === "bigint" ? value : Number(value)},`;
  }
}

/** The same of protobuf-es's message. */
export function shown(desc: DescMessage, message: Message): string {
  const reflected = reflect(desc, message);
  const fields = desc.fields.map((field) => {
    if (field.fieldKind === "list") {
      const values = [...reflected.get(field)].map((value) =>
        shownValue(field, field.listKind === "message" ? (value as { message: Message }).message : value),
      );
      return `${field.name}[${values.join("")}]`;
    }
    const told = field.oneof !== undefined || field.message !== undefined || field.proto.proto3Optional;
    if ((told || field.scalar === ScalarType.BYTES) && !isFieldSet(message, field)) return "";
    const value = reflected.get(field);
    return `${field.name}=${shownValue(field, field.fieldKind === "message" ? (value as { message: Message }).message : value)}`;
  });
  return `{${fields.join("")}}`;
}

/** As protobuf-es writes it, without what it does not know either. */
export const written = (desc: DescMessage, message: Message): Uint8Array =>
  toBinary(desc, message, { writeUnknownFields: false });
