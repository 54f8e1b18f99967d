/** The terminals' sides that there are, how each is started, and where each is held to the suite of every terminal. */
import { pythonToolsReady } from "../../scripts/client-tools.ts";
import { eaCanBeBuilt, eaHarness, eaHasTls } from "../mql5/ea.ts";
import type { CarrierKind } from "./against.ts";

/** What the link's scripts run against. */
export interface Side {
  readonly command: string;
  readonly carrier: CarrierKind;
  /** What it cannot do: cases that need it are left out. */
  readonly without: readonly string[];
}

export interface Terminal {
  readonly name: string;
  /** Absent: it has no link. */
  readonly side?: Side;
  /** The test that holds it to the suite of every terminal; absent: the same program is held to it in another row. */
  readonly suite?: string;
  /** Done once, before the first case; false when it cannot be done here. */
  readonly prepare?: () => boolean;
}

const fake = "exec node clients/terminal/fake/main.ts --market still";
/** On a stand-in of MetaTrader's package. */
const python = "exec .tools/python/bin/python clients/terminal/python/tests/on_stand_in.py";
const ea = "exec $(node test/mql5/ea.ts --sanitized)";
const secured = `export INPUT_BridgeTls=true SSL_CERT_FILE="$BRIDGE_CERTIFICATE"; ${ea}`;
const built = () => eaCanBeBuilt && eaHarness(true) !== "";

export const terminals: readonly Terminal[] = [
  { name: "paper", suite: "test/terminals/paper/terminal.test.ts" },
  {
    name: "fake over TCP",
    side: { command: fake, carrier: "tcp", without: [] },
    suite: "test/link/terminal.test.ts",
  },
  { name: "fake over gRPC", side: { command: fake, carrier: "grpc", without: [] } },
  {
    name: "agent in Python over gRPC",
    side: { command: python, carrier: "grpc", without: [] },
    suite: "test/terminals/agent/terminal.test.ts",
    prepare: pythonToolsReady,
  },
  {
    name: "Expert Advisor on its harness",
    side: { command: ea, carrier: "tcp", without: [] },
    suite: "test/mql5/terminal.test.ts",
    prepare: built,
  },
  {
    name: "Expert Advisor over TLS",
    side: { command: secured, carrier: "tls", without: [] },
    prepare: () => eaHasTls && built(),
  },
];
