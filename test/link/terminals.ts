/** The terminals' sides that there are, and how each is started. */
import type { CarrierKind } from "./against.ts";

export interface Terminal {
  readonly name: string;
  readonly command: string;
  readonly carrier: CarrierKind;
  /** What it cannot do: cases that need it are left out. */
  readonly without: readonly string[];
}

const fake = "exec node clients/terminal/fake/main.ts --market still";

export const terminals: readonly Terminal[] = [
  { name: "fake over TCP", command: fake, carrier: "tcp", without: [] },
  { name: "fake over gRPC", command: fake, carrier: "grpc", without: [] },
];
