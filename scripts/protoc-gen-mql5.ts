/**
 * MQL5 from protobuf, as a plugin of buf: a structure a message, which writes itself and reads itself. One package,
 * named by the option `package`, becomes one file a .proto file.
 *
 * MQL5 has no pointers to structures and no optional values, so that a message within another is a member of it, beside
 * `has_NAME`; and a oneof is all its fields beside `NAME_case`, which is the number of the one that counts, or 0. A list
 * is an array. An enumeration's field is an int, as unknown numbers are kept. What is not known is dropped.
 *
 * The wire format itself is scripts/protobuf.mqh, and goes out as it stands.
 */
import { readFileSync } from "node:fs";
import {
  create,
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescOneof,
  fromBinary,
  ScalarType,
  toBinary,
} from "@bufbuild/protobuf";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponse_Feature,
  CodeGeneratorResponseSchema,
  FeatureSet_FieldPresence,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { getComments } from "@bufbuild/protoplugin";

/** What a value is in MQL5, and how the wire format calls it. */
interface Kind {
  readonly type: string;
  readonly wire: 0 | 1 | 2 | 5;
  /** The function of ProtoWriter and of ProtoReader; of a message there is none. */
  readonly word?: string;
  /** Bytes of each, where all have as many. */
  readonly size?: number;
}

const scalars: Readonly<Record<ScalarType, Kind>> = {
  [ScalarType.DOUBLE]: { type: "double", wire: 1, word: "Double" },
  [ScalarType.FLOAT]: { type: "float", wire: 5, word: "Float" },
  [ScalarType.INT64]: { type: "long", wire: 0, word: "Int64" },
  [ScalarType.UINT64]: { type: "ulong", wire: 0, word: "UInt64" },
  [ScalarType.INT32]: { type: "int", wire: 0, word: "Int32" },
  [ScalarType.FIXED64]: { type: "ulong", wire: 1, word: "Fixed64" },
  [ScalarType.FIXED32]: { type: "uint", wire: 5, word: "Fixed32" },
  [ScalarType.BOOL]: { type: "bool", wire: 0, word: "Bool" },
  [ScalarType.STRING]: { type: "string", wire: 2, word: "String" },
  [ScalarType.BYTES]: { type: "uchar", wire: 2, word: "Bytes" },
  [ScalarType.UINT32]: { type: "uint", wire: 0, word: "UInt32" },
  [ScalarType.SFIXED32]: { type: "int", wire: 5, word: "SFixed32" },
  [ScalarType.SFIXED64]: { type: "long", wire: 1, word: "SFixed64" },
  [ScalarType.SINT32]: { type: "int", wire: 0, word: "SInt32" },
  [ScalarType.SINT64]: { type: "long", wire: 0, word: "SInt64" },
};

/** Words of MQL5 that nothing else may be called, and those of the functions that are generated. */
const reserved = new Set(
  (
    "bool char class color datetime double enum float int long short string struct uchar uint ulong union ushort void " +
    "const delete override private protected public virtual final extern input sinput static break case continue default " +
    "do dynamic_cast else for goto if interface namespace new offsetof operator pack return sizeof switch template this " +
    "true false typedef typename while group matrix vector complex " +
    "begin bytes count end field i reader start stop why wire writer"
  ).split(" "),
);

const pascal = (name: string): string => name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
const fileName = ({ name }: DescFile): string => name.replace(/^.*\//, "");
const typeName = (desc: DescMessage | DescEnum): string =>
  pascal(fileName(desc.file)) + desc.typeName.slice(desc.file.proto.package.length + 1).replaceAll(".", "");
const memberName = ({ name }: DescField | DescOneof): string => (reserved.has(name) ? `${name}_` : name);
const caseName = ({ name }: DescOneof): string => `${name}_case`;

function kindOf(field: DescField): Kind {
  if (field.message !== undefined) return { type: typeName(field.message), wire: 2 };
  if (field.scalar !== undefined) return scalars[field.scalar];
  return scalars[ScalarType.INT32];
}

const isList = (field: DescField): boolean => field.fieldKind === "list";
const isBytes = (field: DescField): boolean => field.scalar === ScalarType.BYTES;
/** Set or not is told apart by a member of its own. */
const hasFlag = (field: DescField): boolean =>
  field.oneof === undefined && !isList(field) && field.presence !== FeatureSet_FieldPresence.IMPLICIT;

function check(field: DescField): void {
  const refuse = (why: string): never => {
    throw new Error(`${field.parent.typeName}.${field.name}: ${why}`);
  };
  if (field.fieldKind === "map") refuse("maps are not generated for MQL5");
  if (isList(field) && isBytes(field)) refuse("MQL5 has no lists of lists of bytes");
  if (field.message?.file !== undefined && field.message.file !== field.parent.file) refuse("of another file");
  if ("delimitedEncoding" in field && field.delimitedEncoding) refuse("groups are not generated for MQL5");
}

/** Each behind those that it holds. */
function inOrder(messages: readonly DescMessage[]): DescMessage[] {
  const done = new Set<DescMessage>();
  const visit = (message: DescMessage, holders: readonly DescMessage[]): void => {
    if (holders.includes(message)) throw new Error(`${message.typeName} holds itself, which no structure of MQL5 can`);
    if (done.has(message)) return;
    for (const field of message.fields) {
      check(field);
      if (field.message !== undefined) visit(field.message, [...holders, message]);
    }
    done.add(message);
  };
  for (const message of messages) visit(message, []);
  return [...done];
}

const withNested = (message: DescMessage): DescMessage[] => [message, ...message.nestedMessages.flatMap(withNested)];

const indent = (lines: readonly string[], by = 3): string[] =>
  lines.map((line) => (line === "" ? "" : " ".repeat(by) + line));
/** As MetaEditor lays it out. */
const block = (...lines: string[]): string[] => ["  {", ...indent(lines), "  }"];
const comment = (desc: Parameters<typeof getComments>[0]): string[] =>
  (getComments(desc).leading ?? "")
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => `// ${line.trim()}`);

const ended = (lines: readonly string[]): string[] => [...lines.slice(0, -1), `${lines.at(-1)};`];

function enumeration(desc: DescEnum): string[] {
  const prefix = `${pascal(fileName(desc.file)).toUpperCase()}_`;
  const values = desc.values.flatMap((value, at) => [
    ...comment(value),
    `${prefix}${value.name} = ${value.number}${at === desc.values.length - 1 ? "" : ","}`,
  ]);
  return [...comment(desc), `enum ${typeName(desc)}`, ...ended(block(...values)), ""];
}

/** The numbers of a oneof's fields, for comparisons with its case. */
function cases(desc: DescMessage, oneof: DescOneof): string[] {
  const words = typeName(desc)
    .replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_")
    .toUpperCase();
  const values = oneof.fields.map(
    ({ name, number }, at) => `${words}_${name.toUpperCase()} = ${number}${at === oneof.fields.length - 1 ? "" : ","}`,
  );
  return [
    `// What ${caseName(oneof)} of ${typeName(desc)} may be, or 0.`,
    `enum ${typeName(desc)}${pascal(oneof.name)}`,
    ...ended(block(...values)),
    "",
  ];
}

const zeros: Readonly<Record<string, string>> = { string: '""', bool: "false", double: "0.0", float: "0.0f" };
const zeroOf = ({ type }: Kind): string => zeros[type] ?? "0";

function resets(field: DescField): string[] {
  const name = memberName(field);
  const flag = hasFlag(field) ? [`has_${field.name} = false;`] : [];
  if (isList(field) || isBytes(field)) return [...flag, `ArrayResize(${name}, 0);`];
  return [...flag, field.message === undefined ? `${name} = ${zeroOf(kindOf(field))};` : `${name}.Reset();`];
}

function members(desc: DescMessage): string[] {
  return desc.members.flatMap((member): string[] => {
    if (member.kind === "field") return declared(member);
    const which = ["// The number of the one that is set; 0: none.", `int ${caseName(member)};`];
    return [...comment(member), ...which, ...member.fields.flatMap(declared)];
  });
}

function declared(field: DescField): string[] {
  const array = isList(field) || isBytes(field) ? "[]" : "";
  return [
    ...comment(field),
    ...(hasFlag(field) ? [`bool has_${field.name};`] : []),
    `${kindOf(field).type} ${memberName(field)}${array};`,
  ];
}

/** When a field that is not a list goes out. */
function isSet(field: DescField): string {
  const name = memberName(field);
  if (field.oneof !== undefined) return `${caseName(field.oneof)} == ${field.number}`;
  if (hasFlag(field)) return `has_${field.name}`;
  if (isBytes(field)) return `ArraySize(${name}) > 0`;
  switch (field.scalar) {
    case ScalarType.STRING:
      return `StringLen(${name}) > 0`;
    case ScalarType.BOOL:
      return name;
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      return `ProtoIsSet(${name})`; // -0 goes out, which no comparison tells from 0
    default:
      return `${name} != 0`;
  }
}

function encoded(field: DescField): string[] {
  const name = memberName(field);
  const { wire, word } = kindOf(field);
  const one = (value: string): string =>
    word === undefined
      ? `start = writer.Open(); ${value}.Encode(writer); writer.Close(start);`
      : `writer.${word}(${value});`;
  if (!isList(field)) return [`if(${isSet(field)}) { writer.Tag(${field.number}, ${wire}); ${one(name)} }`];
  const each = `for(int i = 0; i < ArraySize(${name}); i++)`;
  const packed = field.fieldKind === "list" && field.packed;
  if (!packed) return [`${each} { writer.Tag(${field.number}, ${wire}); ${one(`${name}[i]`)} }`];
  return [
    `if(ArraySize(${name}) > 0)`,
    ...block(
      `writer.Tag(${field.number}, 2);`,
      "start = writer.Open();",
      `${each} ${one(`${name}[i]`)}`,
      "writer.Close(start);",
    ),
  ];
}

/** Reads one value, in front of `end` or of where its list ends. */
function decodedOne(field: DescField, to: string): string {
  const { word } = kindOf(field);
  return word === undefined
    ? `if(!reader.Length(bytes, end, stop) || !${to}.Merge(bytes, reader, stop)) return false;`
    : `if(!reader.${word}(bytes, ${isList(field) && kindOf(field).wire !== 2 ? "stop" : "end"}, ${to})) return false;`;
}

function decoded(field: DescField): string[] {
  const name = memberName(field);
  const { wire, word } = kindOf(field);
  if (!isList(field)) {
    const chosen = field.oneof === undefined ? [] : choose(field, field.oneof);
    const flag = hasFlag(field) ? [`has_${field.name} = true;`] : [];
    return [`if(wire != ${wire}) break;`, ...chosen, decodedOne(field, name), ...flag, "continue;"];
  }
  const one = [
    `count = ArraySize(${name});`,
    'if(count >= PROTO_MOST_ELEMENTS) return reader.Fail("too many elements");',
    `ArrayResize(${name}, count + 1, count + 16);`,
    ...(word === undefined ? [`${name}[count].Reset();`] : []),
    decodedOne(field, `${name}[count]`),
  ];
  if (wire === 2) return ["if(wire != 2) break;", ...one, "continue;"];
  // Packed or one by one, whichever way it is declared.
  return [
    `if(wire != 2 && wire != ${wire}) break;`,
    "stop = end;",
    "if(wire == 2 && !reader.Length(bytes, end, stop)) return false;",
    "while(wire != 2 || reader.at < stop)",
    ...block(...one, "if(wire != 2) break;"),
    "continue;",
  ];
}

/** Another field of the oneof no longer counts; the same message is merged. */
function choose(field: DescField, oneof: DescOneof): string[] {
  const set = `${caseName(oneof)} = ${field.number};`;
  if (field.message === undefined) return [set];
  return [`if(${caseName(oneof)} != ${field.number}) ${memberName(field)}.Reset();`, set];
}

function structure(desc: DescMessage): string[] {
  const name = typeName(desc);
  const fields = desc.fields.toSorted((a, b) => a.number - b.number);
  const holdsMessage = fields.some((field) => field.message !== undefined);
  const packs = fields.some((field) => field.fieldKind === "list" && field.packed);
  const lists = fields.some(isList);
  const spans = fields.some((field) => isList(field) && kindOf(field).wire !== 2);
  const cases = fields.flatMap((field) => [`case ${field.number}:`, ...indent(decoded(field))]);
  const body = block(
    ...members(desc),
    "",
    `${name}() { Reset(); }`,
    "void Reset()",
    ...block(...desc.oneofs.map((oneof) => `${caseName(oneof)} = 0;`), ...fields.flatMap(resets)),
    "// Behind what the writer holds.",
    "void Encode(ProtoWriter &writer) const",
    ...block(...(holdsMessage || packs ? ["int start;"] : []), ...fields.flatMap(encoded)),
    "// What is set already stays: a message may come in parts.",
    "bool Merge(const uchar &bytes[], ProtoReader &reader, const int end)",
    ...block(
      `int field, wire${holdsMessage || spans ? ", stop" : ""}${lists ? ", count" : ""};`,
      "while(reader.at < end)",
      ...block(
        "if(!reader.Tag(bytes, end, field, wire))",
        ...indent(["return false;"]),
        ...(cases.length === 0 ? [] : ["switch(field)", ...block(...cases)]),
        "if(!reader.Skip(bytes, end, field, wire))",
        ...indent(["return false;"]),
      ),
      "return true;",
    ),
    "// From `begin` on, in front of `end`; false, and why, when they are no such message.",
    "bool Decode(const uchar &bytes[], const int begin, const int end, string &why)",
    ...block(
      "Reset();",
      "ProtoReader reader;",
      "reader.Reset(begin);",
      "const bool good = begin >= 0 && begin <= end && end <= ArraySize(bytes) && Merge(bytes, reader, end);",
      "why = reader.why;",
      "return good;",
    ),
  );
  return [...comment(desc), `struct ${name}`, ...ended(body)];
}

function header(file: DescFile): string {
  const rule = `//+${"-".repeat(66)}+`;
  const messages = inOrder(file.messages.flatMap(withNested));
  const enums = [...file.enums, ...file.messages.flatMap(withNested).flatMap((message) => message.nestedEnums)];
  return [
    `// Generated by protoc-gen-mql5 from ${file.name}.proto: do not edit.`,
    '#include "protobuf.mqh"',
    "",
    ...enums.flatMap(enumeration),
    ...messages.flatMap((message) => [
      ...message.oneofs.flatMap((oneof) => cases(message, oneof)),
      ...structure(message),
      "",
    ]),
    rule,
    "",
  ].join("\n");
}

const input: Buffer[] = [];
for await (const chunk of process.stdin) input.push(chunk as Buffer);
const request = fromBinary(CodeGeneratorRequestSchema, Buffer.concat(input));
const wanted = /(?:^|,)package=([\w.]+)/.exec(request.parameter)?.[1];
const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: request.protoFile }));
const files = [...registry.files].filter(({ proto }) => proto.package === wanted);
const runtime = readFileSync(new URL("protobuf.mqh", import.meta.url), "utf8");
process.stdout.write(
  toBinary(
    CodeGeneratorResponseSchema,
    create(CodeGeneratorResponseSchema, {
      supportedFeatures: BigInt(CodeGeneratorResponse_Feature.PROTO3_OPTIONAL),
      file: [
        { name: "protobuf.mqh", content: runtime },
        ...files.map((file) => ({ name: `${fileName(file)}.mqh`, content: header(file) })),
      ],
    }),
  ),
);
