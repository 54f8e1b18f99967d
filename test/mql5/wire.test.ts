import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createFileRegistry, type DescMessage, fromBinary } from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { file_mt5bridge_terminal_v1_link as link } from "../../gen/ts/mt5bridge/terminal/v1/link_pb.ts";
import { seeded } from "../../src/terminals/paper/seeded.ts";
import { build, compiler } from "./build.ts";
import { chanceMessage } from "./chance-message.ts";
import { type Echo, echoes, type Frame, host, messagesOf, shown, written } from "./echo.ts";

const root = new URL("../../", import.meta.url).pathname;
const folder = mkdtempSync(join(tmpdir(), "mql5-wire-"));
afterAll(() => rmSync(folder, { recursive: true }));

const buf = join(root, "node_modules/.bin/buf");
execFileSync(buf, ["build", "test/mql5/kinds", "-o", join(folder, "kinds.binpb")], { cwd: root });
const kinds = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(join(folder, "kinds.binpb"))));
const kind = (name: string): DescMessage => kinds.getMessage(`mql5.kinds.${name}`) as DescMessage;

/** The two contracts: the one that the terminal speaks, and one with every kind of field. */
const contracts = {
  link: messagesOf(link),
  kinds: [...kinds.files].flatMap(messagesOf),
};

const templateOf = (name: string): string => {
  const plugin = { local: ["node", "scripts/protoc-gen-mql5.ts"], out: folder, strategy: "all" };
  return JSON.stringify({ version: "v2", plugins: [{ ...plugin, opt: [`package=${name}`] }] });
};

const outcome = (echo: Echo): string => ("why" in echo ? "refused" : echo.shown);
function outcomeOf(desc: DescMessage, bytes: Uint8Array): string {
  try {
    return shown(desc, fromBinary(desc, bytes));
  } catch {
    return "refused";
  }
}

/** A number that is none has many patterns of bits, of which JavaScript knows one. */
const withoutNaN = (text: string): string =>
  text.replace(/\b(?:[0-9a-f]{8}){1,2}\b/g, (hex) => {
    const bytes = Buffer.from(hex, "hex");
    return Number.isNaN(bytes.length === 8 ? bytes.readDoubleLE() : bytes.readFloatLE()) ? "NaN" : hex;
  });

function repeat(to: BinaryWriter, count: number, step: () => unknown): BinaryWriter {
  for (let at = 0; at < count; at++) step();
  return to;
}

describe.skipIf(compiler === undefined)("generated MQL5", () => {
  beforeAll(() => {
    execFileSync(buf, ["generate", "--template", templateOf("mql5.kinds"), "test/mql5/kinds"], { cwd: root });
    build({ file: `${root}gen/mql5/link.mqh`, host: host(contracts.link) }, join(folder, "link"));
    build({ file: join(folder, "kinds.mqh"), host: host(contracts.kinds) }, join(folder, "kinds"));
  }, 240_000);

  const echoed = (contract: keyof typeof contracts, frames: readonly Frame[]): Echo[] =>
    echoes(join(folder, contract), contracts[contract], frames);

  describe.each(["link", "kinds"] as const)("of the contract %s", (contract) => {
    const each = (count: number, make: (desc: DescMessage, seed: number) => Frame): Frame[] =>
      contracts[contract].flatMap((desc) => Array.from({ length: count }, (_, seed) => make(desc, seed)));
    const byChance = (desc: DescMessage, seed: number): Frame => ({
      desc,
      bytes: written(desc, chanceMessage(seeded(`${desc.typeName} ${seed}`), desc)),
    });

    it("reads what protobuf-es writes, and writes the same bytes", () => {
      const count = 150;
      const frames = each(count, byChance);
      expect(frames.length).toBeGreaterThan(900);
      for (const [at, echo] of echoed(contract, frames).entries()) {
        const { desc, bytes } = frames[at] as Frame;
        const name = `${desc.typeName} seed ${at % count}`;
        if ("why" in echo) expect.fail(`${name} was refused: ${echo.why}`);
        expect(echo.shown, name).toBe(shown(desc, fromBinary(desc, bytes)));
        expect(Buffer.compare(echo.bytes, bytes), name).toBe(0);
      }
    });

    it("takes a message that is cut off wherever protobuf-es does, and nowhere else", () => {
      const whole = each(12, byChance).filter(({ bytes }) => bytes.length < 300);
      const cut = whole.flatMap(({ desc, bytes }) =>
        Array.from({ length: bytes.length }, (_, end) => ({ desc, bytes: bytes.slice(0, end) })),
      );
      expect(cut.length).toBeGreaterThan(2_000);
      for (const [at, echo] of echoed(contract, cut).entries()) {
        const { desc, bytes } = cut[at] as Frame;
        expect(outcome(echo), `${desc.typeName} ${Buffer.from(bytes).toString("hex")}`).toBe(outcomeOf(desc, bytes));
      }
    });

    it("survives bytes that were changed, and what it takes is a message", () => {
      const count = 60;
      const broken = each(count, (desc, seed) => {
        const chance = seeded(`broken ${desc.typeName} ${seed}`);
        const bytes = written(desc, chanceMessage(chance, desc)).slice(0, 2_000);
        for (let changes = 1 + Math.floor(chance.next() * 4); changes > 0 && bytes.length > 0; changes--)
          bytes[Math.floor(chance.next() * bytes.length)] = Math.floor(chance.next() * 256);
        return { desc, bytes };
      });
      const answers = echoed(contract, broken);
      const taken = answers.flatMap((echo, at) =>
        "why" in echo ? [] : [{ echo, at, desc: (broken[at] as Frame).desc, bytes: echo.bytes }],
      );
      expect(taken.length).toBeGreaterThan(broken.length / 10);
      expect(taken.length).toBeLessThan(broken.length);
      for (const { echo, at, desc, bytes } of taken) {
        const name = `${desc.typeName} seed ${at % count}`;
        expect(withoutNaN(echo.shown), name).toBe(withoutNaN(shown(desc, fromBinary(desc, bytes))));
      }
      for (const [at, again] of echoed(contract, taken).entries()) {
        expect(again, taken[at]?.desc.typeName).toEqual(taken[at]?.echo);
      }
    });
  });

  /** One message of the kinds, from its wire. */
  const read = (name: string, wire: (to: BinaryWriter) => BinaryWriter): Echo =>
    echoed("kinds", [{ desc: kind(name), bytes: wire(new BinaryWriter()).finish() }])[0] as Echo;
  const { Varint, Bit32, Bit64, LengthDelimited, StartGroup, EndGroup } = WireType;

  it.each<[string, string, (to: BinaryWriter) => BinaryWriter, RegExp]>([
    [
      "the last of a field that comes twice",
      "Inner",
      (to) => to.tag(1, Varint).int32(1).tag(1, Varint).int32(2),
      /^\{number=2,/,
    ],
    [
      "fields in any order",
      "Inner",
      (to) => to.tag(2, LengthDelimited).string("a").tag(1, Varint).int32(2),
      /^\{number=2,text=61,\}$/,
    ],
    [
      "a message in parts as one",
      "Optionals",
      (to) => {
        to.tag(5, LengthDelimited).fork().tag(1, Varint).int32(7).join();
        return to.tag(5, LengthDelimited).fork().tag(2, LengthDelimited).string("a").join();
      },
      /inner=\{number=7,text=61,\}/,
    ],
    [
      "the last one of a oneof, anew",
      "Choice",
      (to) => {
        to.tag(2048, LengthDelimited).fork().tag(1, Varint).int32(7).join().tag(3, Varint).bool(true);
        return to.tag(2048, LengthDelimited).fork().tag(2, LengthDelimited).string("a").join();
      },
      /^\{inner=\{number=0,text=61,\}\}$/,
    ],
    [
      "packed lists and others, whichever is declared, and adds them up",
      "Lists",
      (to) => {
        to.tag(3, Varint).int32(1).tag(3, LengthDelimited).fork().int32(2).int32(3).join().tag(1, Bit64).double(0);
        return to.tag(18, LengthDelimited).fork().int32(4).int32(5).join().tag(18, Varint).int32(6);
      },
      /doubles\[0000000000000000,\].*int32s\[1,2,3,\].*apart\[4,5,6,\]/,
    ],
    [
      "what is behind fields that it does not know",
      "Inner",
      (to) => {
        to.tag(50, Varint)
          .uint64(2n ** 64n - 1n)
          .tag(51, Bit64)
          .fixed64(1n)
          .tag(52, Bit32)
          .fixed32(1);
        to.tag(53, LengthDelimited).string("xyz").tag(54, StartGroup).tag(1, Varint).int32(3).tag(55, StartGroup);
        return to.tag(55, EndGroup).tag(54, EndGroup).tag(1, Varint).int32(9);
      },
      /^\{number=9,/,
    ],
    [
      "a field of another wire type as one it does not know",
      "Inner",
      (to) => to.tag(1, Bit32).fixed32(5),
      /^\{number=0,/,
    ],
    [
      "the numbers of an enumeration that it does not know",
      "Scalars",
      (to) => to.tag(16, Varint).int32(-7),
      /colour=-7,/,
    ],
    [
      "a number of 32 bits from more of them",
      "Scalars",
      (to) => to.tag(3, Varint).uint64(2n ** 32n + 5n),
      /an_int32=5,/,
    ],
    [
      "a number that is longer than it need be",
      "Inner",
      (to) => to.raw(Uint8Array.of(8, 0x85, 0x80, 0)),
      /^\{number=5,/,
    ],
    ["any number but 0 as yes", "Scalars", (to) => to.tag(13, Varint).uint64(2n ** 40n), /a_bool=1,/],
  ])("takes %s", (_, name, wire, expected) => {
    const echo = read(name, wire);
    expect("why" in echo ? echo.why : echo.shown).toMatch(expected);
  });

  it.each<[string, string, (to: BinaryWriter) => BinaryWriter, string]>([
    [
      "a number of eleven bytes",
      "Inner",
      (to) => to.raw(Uint8Array.of(8, ...Array(10).fill(255), 1)),
      "a number of more than 10 bytes at byte 11",
    ],
    ["a number without its end", "Inner", (to) => to.raw(Uint8Array.of(8, 255)), "a number without its end at byte 2"],
    [
      "a fixed number without its end",
      "Scalars",
      (to) => to.raw(Uint8Array.of(9, 1, 2, 3)),
      "a number without its end at byte 1",
    ],
    ["the field 0", "Inner", (to) => to.raw(Uint8Array.of(0, 1)), "no field at byte 1"],
    ["a wire type that there is not", "Inner", (to) => to.raw(Uint8Array.of(15, 1)), "no field at byte 1"],
    [
      "a field beyond 32 bits",
      "Inner",
      (to) => to.raw(Uint8Array.of(136, 128, 128, 128, 128, 1)),
      "no field at byte 6",
    ],
    [
      "a length beyond the end",
      "Inner",
      (to) => to.raw(Uint8Array.of(18, 3, 65, 66)),
      "a length beyond the end at byte 2",
    ],
    [
      "a length beyond what an int holds",
      "Inner",
      (to) => to.tag(2, LengthDelimited).uint64(2n ** 63n),
      "a length beyond the end at byte 11",
    ],
    [
      "a message beyond the one around it",
      "Optionals",
      (to) => to.raw(Uint8Array.of(42, 3, 18, 2, 65, 66)),
      "a length beyond the end at byte 4",
    ],
    [
      "half a number in a packed list",
      "Lists",
      (to) => to.raw(Uint8Array.of(10, 9, ...Array(9).fill(0))),
      "a number without its end at byte 10",
    ],
    ["bytes that are not UTF-8", "Inner", (to) => to.raw(Uint8Array.of(18, 2, 0xc0, 0xaf)), "not UTF-8 at byte 3"],
    [
      "half a pair of surrogates",
      "Inner",
      (to) => to.raw(Uint8Array.of(18, 3, 0xed, 0xa0, 0x80)),
      "not UTF-8 at byte 5",
    ],
    [
      "a character 0, where a string of MQL5 would end",
      "Inner",
      (to) => to.tag(2, LengthDelimited).string("EUR\0"),
      "character 0 at byte 6",
    ],
    [
      "the end of a group that has not begun",
      "Inner",
      (to) => to.tag(60, EndGroup),
      "the end of a group that has not begun at byte 2",
    ],
    [
      "the end of another group",
      "Inner",
      (to) => to.tag(60, StartGroup).tag(61, EndGroup),
      "the end of another group at byte 4",
    ],
    ["a group without its end", "Inner", (to) => to.tag(60, StartGroup), "a number without its end at byte 2"],
    [
      "groups without end",
      "Inner",
      (to) => repeat(to, 33, () => to.tag(60, StartGroup)),
      "too many groups in one another at byte 66",
    ],
    [
      "a list without end",
      "Lists",
      (to) => repeat(to, 131_073, () => to.tag(14, LengthDelimited).string("")),
      "too many elements at byte 262145",
    ],
  ])("refuses %s", (_, name, wire, why) => {
    expect(read(name, wire)).toEqual({ why });
  });
});

describe("the generator refuses", () => {
  const refusal = (body: string): string => {
    const input = mkdtempSync(join(folder, "odd-"));
    writeFileSync(join(input, "odd.proto"), `syntax = "proto3"; package odd; ${body}`);
    const { status, stderr } = spawnSync(buf, ["generate", "--template", templateOf("odd"), input], { cwd: root });
    return `${status} ${stderr}`;
  };

  it.each([
    ["a map", "message M { map<string, int32> m = 1; }", "odd.M.m: maps are not generated for MQL5"],
    ["a list of bytes", "message M { repeated bytes b = 1; }", "odd.M.b: MQL5 has no lists of lists of bytes"],
    ["a message within itself", "message M { M m = 1; }", "odd.M holds itself, which no structure of MQL5 can"],
  ])("%s", (_, body, why) => expect(refusal(body)).toMatch(new RegExp(`^1 [^]*Error: ${why.replaceAll(".", "\\.")}`)));
});
