/** What is promised of a terminal's connection, whatever carries it. */
import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import type { LinkCarrier } from "../../../src/core/ports/link.ts";
import { linkLimits } from "../../../src/transport/link-limits.ts";
import { framed, type LinkedPort, overGrpc, ways } from "./dialing.ts";

const never = new AbortController().signal;
let open: LinkedPort[] = [];

afterEach(async () => {
  await Promise.all(open.map((port) => port.stop()));
  open = [];
});

/** A port of that kind, and the bridge's ends of the connections to it, in turn. */
async function opened(way: string, setup = {}) {
  const carriers: LinkCarrier[] = [];
  const waiting: ((carrier: LinkCarrier) => void)[] = [];
  const done = Promise.withResolvers<void>();
  const port = await (ways[way] as NonNullable<(typeof ways)[string]>)(async (carrier) => {
    const taker = waiting.shift();
    if (taker === undefined) carriers.push(carrier);
    else taker(carrier);
    await done.promise;
  }, setup);
  const stop = () => {
    done.resolve();
    return port.stop();
  };
  open.push({ ...port, stop });
  const taken = async (): Promise<LinkCarrier> =>
    carriers.shift() ?? new Promise<LinkCarrier>((resolve) => waiting.push(resolve));
  return { port, taken };
}

async function linked(way: string) {
  const { port, taken } = await opened(way);
  const terminal = port.dial();
  terminal.send(Buffer.from("hello"));
  const carrier = await taken();
  return { port, terminal, carrier };
}

async function read(carrier: LinkCarrier, count = Number.POSITIVE_INFINITY, signal = never): Promise<Buffer[]> {
  const frames: Buffer[] = [];
  if (count === 0) return frames;
  for await (const frame of carrier.frames(signal)) {
    frames.push(Buffer.from(frame));
    if (frames.length === count) break;
  }
  return frames;
}

const text = (frames: readonly Uint8Array[]) => frames.map((frame) => Buffer.from(frame).toString());

describe.each(Object.keys(ways))("a link over %s", (way) => {
  it("brings frames whole and in order, and goes on where the one who read before has left", async () => {
    const { terminal, carrier } = await linked(way);
    for (const word of ["a", "", "b", "c"]) terminal.send(Buffer.from(word));
    expect(text(await read(carrier, 2))).toEqual(["hello", "a"]);
    expect(text(await read(carrier, 3))).toEqual(["", "b", "c"]);
  });

  it("takes frames to the terminal, of any size up to the limit", async () => {
    const { terminal, carrier } = await linked(way);
    const frames = [Buffer.alloc(0), Buffer.from("x"), Buffer.alloc(linkLimits.largestOut, 3)];
    for (const frame of frames) expect(carrier.send(frame)).toBe(true);
    for (const frame of frames) expect(await terminal.next()).toEqual(frame);
    expect(() => carrier.send(Buffer.alloc(linkLimits.largestOut + 1))).toThrow("too large");
  });

  it("takes the largest frame that a terminal may send", async () => {
    const { terminal, carrier } = await linked(way);
    terminal.send(Buffer.alloc(linkLimits.largestIn, 5));
    const [, largest] = await read(carrier, 2);
    expect(largest).toEqual(Buffer.alloc(linkLimits.largestIn, 5));
  });

  it("ends when a frame is too large", async () => {
    const { terminal, carrier } = await linked(way);
    terminal.send(Buffer.alloc(linkLimits.largestIn + 1));
    expect((await read(carrier)).length).toBeLessThanOrEqual(1); // the library throws away what it holds of such a call
  });

  it("ends when the terminal says that it has nothing more to send, behind all it has sent", async () => {
    const { terminal, carrier } = await linked(way);
    terminal.send(Buffer.from("last"));
    terminal.end();
    expect(text(await read(carrier))).toEqual(["hello", "last"]);
  });

  it("ends when the terminal vanishes, and nothing can be sent from then on", async () => {
    const { terminal, carrier } = await linked(way);
    await read(carrier, 1);
    terminal.vanish();
    expect(await read(carrier)).toEqual([]);
    while (carrier.send(Buffer.from("too late"))) await new Promise((resolve) => setImmediate(resolve));
    expect(carrier.send(Buffer.from("too late"))).toBe(false);
  });

  it("ends for the reader that is called off, and for no other", async () => {
    const { terminal, carrier } = await linked(way);
    await read(carrier, 1);
    const off = new AbortController();
    const reading = read(carrier, 1, off.signal);
    off.abort();
    expect(await reading).toEqual([]);
    terminal.send(Buffer.from("still here"));
    expect(text(await read(carrier, 1))).toEqual(["still here"]);
  });

  it("lets the last words through when the bridge closes it, though the terminal goes on talking", async () => {
    const { terminal, carrier } = await linked(way);
    for (let i = 0; i < 20; i++) terminal.send(Buffer.alloc(10_000));
    carrier.send(Buffer.from("sorry"));
    carrier.close();
    expect(String(await terminal.next())).toBe("sorry");
    expect(await terminal.next()).toBe(undefined);
    expect(await read(carrier)).toEqual([]);
    expect(carrier.send(Buffer.from("more"))).toBe(false);
  });

  it("holds no more than its limit for a terminal that does not read, and loses nothing of what it took", async () => {
    const { terminal, carrier } = await linked(way);
    const frame = Buffer.alloc(linkLimits.largestOut, 1);
    let sent = 0;
    while (carrier.send(frame)) {
      sent++;
      // What the kernel and HTTP/2 hold comes on top; more than ten times the limit nothing holds.
      expect(sent * frame.length).toBeLessThan(10 * linkLimits.mostWaiting);
      if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(sent * frame.length).toBeGreaterThanOrEqual(linkLimits.mostWaiting - frame.length - 5);
    for (let got = 0; got < sent; got++) expect((await terminal.next())?.length).toBe(frame.length);
  });

  it("goes away in the end, though the terminal does not read the last words", async () => {
    const { terminal, carrier } = await linked(way);
    while (carrier.send(Buffer.alloc(linkLimits.largestOut))) await new Promise((resolve) => setImmediate(resolve));
    carrier.close();
    expect(await read(carrier)).toEqual([]);
    await (open[0] as LinkedPort).stop(); // resolves when no connection is open
    open = [];
    terminal.vanish();
  });
});

describe("a link over a socket", () => {
  const dial = async (port: number): Promise<Socket> => {
    const socket = createConnection(port, "127.0.0.1");
    socket.on("error", () => undefined);
    await once(socket, "connect");
    return socket;
  };

  it("says why it has ended: a frame that is announced too large, or cut short", async () => {
    const { port, taken } = await opened("TCP");
    const socket = await dial(port.port);
    socket.write(Buffer.from([0x16, 3, 1, 2])); // how TLS begins, where none is spoken
    const carrier = await taken();
    expect(await read(carrier)).toEqual([]);
    expect(carrier.fault).toBe("a frame of 369295618 bytes was announced; the largest is 1048576");

    const cut = await dial(port.port);
    cut.end(framed(Buffer.from("hello")).subarray(0, 7));
    const second = await taken();
    expect(await read(second)).toEqual([]);
    expect(second.fault).toBe("the connection ended within a frame");
    socket.destroy();
  });

  it("does not read on while nobody takes what has come", async () => {
    const { port, taken } = await opened("TCP");
    const socket = await dial(port.port);
    const carrier = await taken();
    const frame = framed(Buffer.alloc(60_000));
    let written = 0;
    while (written < 2_000 && socket.write(frame)) written++;
    for (; written < 2_000 && socket.writableLength < 8 * frame.length; written++) {
      socket.write(frame);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(2_000); // 120 MB: more than any kernel holds
    expect((await read(carrier, written)).length).toBe(written);
    socket.destroy();
  });

  it("is refused when as many are open as may be, and the log says so", async () => {
    const { port, taken } = await opened("TCP", { maxConnections: 1 });
    const first = await dial(port.port);
    await taken();
    const second = await dial(port.port);
    await once(second, "close");
    expect((await port.line(({ message }) => message.includes("refused"))).context["limit"]).toBe(1);
    first.destroy();
  });
});

describe("a link over gRPC", () => {
  it("brings its bearer along, whatever it is", async () => {
    const { port, taken } = await opened("gRPC");
    overGrpc(port.port, "Bearer mt5b_key").send(Buffer.from("hello"));
    expect((await taken()).bearer).toBe("mt5b_key");
    port.dial().send(Buffer.from("hello"));
    expect((await taken()).bearer).toBe(undefined);
  });
});
