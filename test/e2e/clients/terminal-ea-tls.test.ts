/** The Expert Advisor and a bridge with a certificate: TLS by OpenSSL in place of the terminal's own. */
import { type ChildProcess, spawn } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { AccountService } from "../../../gen/ts/mt5bridge/v1/account_pb.ts";
import { AdminService } from "../../../gen/ts/mt5bridge/v1/admin_pb.ts";
import { OrderStage, OrdersService, WaitFor } from "../../../gen/ts/mt5bridge/v1/orders_pb.ts";
import { OrderSide, OrderType } from "../../../gen/ts/mt5bridge/v1/types_pb.ts";
import { eaHarness, eaHasTls } from "../../mql5/ea.ts";
import { type Folder, folder, selfSigned } from "../../transport/credentials.ts";
import { type RunningBridge, startBridge } from "../bridge.ts";
import { BridgeClient } from "../client.ts";

const here = eaHasTls ? "" : " [SKIPPED: no g++, or no libssl-dev]";

describe.skipIf(!eaHasTls)(`the Expert Advisor over TLS${here}`, { timeout: 60_000 }, () => {
  let harness = "";
  let files: Folder;
  let certificate: { readonly certFile: string; readonly keyFile: string };
  let bridge: RunningBridge;
  let client: BridgeClient;
  let terminal: ChildProcess;
  let ended: Promise<unknown>;
  let said = "";
  let heard: () => void = () => undefined;

  beforeAll(() => {
    harness = eaHarness(true);
  }, 300_000);

  beforeEach(async () => {
    files = folder();
    certificate = selfSigned(files, "bridge");
    said = "";
    await startAnew();
  });

  afterEach(async () => {
    terminal.kill("SIGKILL");
    await ended;
    client.close();
    await bridge.stop("SIGKILL");
    files.remove();
    expect(said).not.toMatch(/critical error|Sanitizer|runtime error/);
  });

  async function startAnew(port = "0"): Promise<void> {
    const { certFile, keyFile } = certificate;
    const live = { TERMINAL: "live", LIVE_ACCOUNTS: "main=1000001@Broker-Demo", TERMINAL_LINK_PORT: port };
    bridge = await startBridge({
      ...{ DATA_DIR: files.file("data"), TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile, ...live },
    });
    client = new BridgeClient(bridge.grpcPort, readFileSync(certFile));
  }

  function dial(env: Readonly<Record<string, string>> = {}): void {
    const own = {
      ...{ BRIDGE_ADDRESS: `127.0.0.1:${bridge.linkPort}`, TERMINAL_STATE: files.path, TERMINAL_RETRY_MS: "100" },
      ...{ INPUT_BridgeTls: "true", SSL_CERT_FILE: certificate.certFile },
    };
    terminal = spawn(harness, { env: { ...process.env, ...own, ...env }, stdio: ["pipe", "ignore", "pipe"] });
    ended = once(terminal, "exit");
    terminal.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      heard();
    });
  }

  async function says(what: string): Promise<void> {
    while (!said.includes(what)) {
      await new Promise<void>((resolve) => {
        heard = resolve;
      });
    }
  }

  const account = () => client.call(AccountService.method.getAccount, { account: "main" });

  /** Resolves once orders can be sent. */
  async function linked(): Promise<void> {
    for (let up = false; !up; )
      up = await account().then(
        ({ account: of }) => of?.linkUp === true,
        () => false,
      );
  }

  const buy = (clientOrderId: string) =>
    client.call(OrdersService.method.placeOrder, {
      ...{ clientOrderId, symbol: "EURUSD", side: OrderSide.BUY, type: OrderType.MARKET, volume: 0.1 },
      waitFor: WaitFor.FINAL,
    });

  it("trades, and comes back after its line was cut and its bridge killed", async () => {
    dial();
    await linked();
    expect((await buy("a")).order).toMatchObject({ stage: OrderStage.FILLED, live: true });
    said = "";
    await client.call(AdminService.method.connectTerminal, { account: "main" });
    await says("linked to mt5-bridge");
    await linked();
    expect((await buy("b")).order?.stage).toBe(OrderStage.FILLED);
    const { linkPort } = bridge;
    await bridge.stop("SIGKILL");
    client.close();
    await startAnew(String(linkPort));
    await linked();
    expect((await buy("b")).replayed).toBe(true);
    expect((await buy("c")).order?.stage).toBe(OrderStage.FILLED);
    expect((await client.call(AccountService.method.listPositions, {})).positions.length).toBe(3);
  });

  it("shakes no hands again on a port that has TLS by itself, as 443 has", async () => {
    dial({ TERMINAL_TLS_PORT: String(bridge.linkPort) });
    await linked();
    expect((await buy("a")).order?.stage).toBe(OrderStage.FILLED);
  });

  it("tells the certificate's thumbprint, and takes no other when it is told which", async () => {
    const { fingerprint } = new X509Certificate(readFileSync(certificate.certFile));
    const thumbprint = fingerprint.replaceAll(":", "").toLowerCase();
    dial({ INPUT_BridgeThumbprint: thumbprint });
    await says(`, certificate ${thumbprint}`);
    terminal.kill("SIGKILL");
    await ended;
    said = "";
    dial({ INPUT_BridgeThumbprint: "00" });
    await says(`the bridge's certificate is ${thumbprint}, and not the one of BridgeThumbprint`);
    expect(said).not.toContain("linked");
  });

  it.each(["of an authority that nobody knows", "for another host"])("takes no certificate %s", async (which) => {
    const other = selfSigned(files, "other");
    if (which === "for another host") dial({ BRIDGE_ADDRESS: `localhost:${bridge.linkPort}` });
    else dial({ SSL_CERT_FILE: other.certFile });
    await says(`:${bridge.linkPort}, error 5274`);
    expect(said).not.toContain("linked");
    await expect(account()).rejects.toThrow("no terminal has dialed in");
  });

  it("says that there is no link with a bridge that has TLS while it has none", async () => {
    dial({ INPUT_BridgeTls: "false" });
    await says("the connection ended while ");
    expect(said).not.toContain("linked");
  });
});
