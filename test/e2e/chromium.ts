/** A real Chromium, without a window, for pages that meet the bridge. */
import { type Browser, chromium } from "playwright-core";
import { tool } from "../tools.ts";

export const chromiumProgram = tool("chromium");

const flags = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** In a folder of its own, new and empty, that is removed afterwards. */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ ...(chromiumProgram && { executablePath: chromiumProgram }), args: flags });
}
