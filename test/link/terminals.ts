/** The terminals' sides that there are, and how each is started. */
import { pythonToolsReady } from "../../scripts/client-tools.ts";
import { eaCanBeBuilt, eaHarness, eaHasTls } from "../mql5/ea.ts";
import type { CarrierKind } from "./against.ts";

export interface Terminal {
  readonly name: string;
  readonly command: string;
  readonly carrier: CarrierKind;
  /** What it cannot do: cases that need it are left out. */
  readonly without: readonly string[];
  /** Done once, before the first case; false when it cannot be done here. */
  readonly prepare?: () => boolean;
}

const fake = "exec node clients/terminal/fake/main.ts --market still";
/** On a stand-in of MetaTrader's package. */
const python = "exec .tools/python/bin/python clients/terminal/python/tests/on_stand_in.py";

export const terminals: readonly Terminal[] = [
  { name: "fake over TCP", command: fake, carrier: "tcp", without: [] },
  { name: "fake over gRPC", command: fake, carrier: "grpc", without: [] },
  { name: "agent in Python over gRPC", command: python, carrier: "grpc", without: [], prepare: pythonToolsReady },
  {
    name: "Expert Advisor on its harness",
    command: "exec $(node test/mql5/ea.ts --sanitized)",
    carrier: "tcp",
    without: [],
    prepare: () => eaCanBeBuilt && eaHarness(true) !== "",
  },
  {
    name: "Expert Advisor over TLS",
    command: `export INPUT_BridgeTls=true SSL_CERT_FILE="$BRIDGE_CERTIFICATE"; exec $(node test/mql5/ea.ts --sanitized)`,
    carrier: "tls",
    without: [],
    prepare: () => eaHasTls && eaHarness(true) !== "",
  },
];
