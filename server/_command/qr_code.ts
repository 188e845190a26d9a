import { warn } from "./output.ts";

/** In a variable, so that it is fetched only by those who ask for a code. */
const PACKAGE: string = "npm:uqr@~0.1.3";
/** White on black, whatever the colours of the terminal. */
const COLOR = "\x1b[97;40m";
const NO_COLOR = "\x1b[0m";

/**
 * Draws a URL as a QR code of half blocks, where there is somebody to see it.
 *
 * @param url The URL; null if none is known.
 * @returns The lines of the picture.
 */
export async function drawQrCode(url: string | null): Promise<string[]> {
  if (url === null) {
    warn("Cannot draw a QR code: no address on the network is known");
    return [];
  }
  if (!Deno.stdout.isTerminal()) return [];
  try {
    const { renderUnicodeCompact } = await import(PACKAGE);
    const picture: string = renderUnicodeCompact(url, { border: 2 });
    const lines = picture.split("\n");
    return Deno.noColor ? lines : lines.map((line) => COLOR + line + NO_COLOR);
  } catch (error) {
    const [reason] = (error as Error).message.split("\n");
    warn(`Cannot draw a QR code with ${PACKAGE}: ${reason}`);
    return [];
  }
}
