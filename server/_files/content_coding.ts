import { parseQualityValues, qualityOf } from "../../message/mod.ts";

/**
 * The content codings that files are sent in, the one that saves most first.
 */
export const CODINGS = ["br", "zstd", "gzip"] as const;

/** One of {@linkcode CODINGS}. */
export type Coding = typeof CODINGS[number];

/** What is put behind the name of a file for a copy in that coding. */
export const SIDECAR_EXTENSIONS: Readonly<Record<Coding, string>> = {
  br: ".br",
  zstd: ".zst",
  gzip: ".gz",
};

/**
 * Puts codings into the order in which a client wants them (RFC 9110 section
 * 12.5.3).
 *
 * @param acceptEncoding The field value.
 * @returns Those that the client takes at least as gladly as the file as it is.
 */
export function wantedCodings(acceptEncoding: string): readonly Coding[] {
  const values = parseQualityValues(
    acceptEncoding.replaceAll(/x-gzip/gi, "gzip"), // RFC 9110 section 8.4.1.3
  );
  const plain = qualityOf(values, "identity") ?? 0;
  const quality = (coding: Coding) => qualityOf(values, coding) ?? 0;
  return CODINGS
    .filter((coding) => quality(coding) > 0 && quality(coding) >= plain)
    .sort((a, b) => quality(b) - quality(a));
}

/** How many files are compressed at once. */
const MAX_PACKING = 4;

/** Compresses files, a few at once. */
export class Packer {
  #count = 0;

  /** Whether it has enough to do: then a file is better sent as it is. */
  get isBusy(): boolean {
    return this.#count >= MAX_PACKING;
  }

  /** Compresses bytes, giving way to others after each 64 KiB. */
  async gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    this.#count++;
    try {
      const packed = new Blob([new Uint8Array(bytes)]).stream()
        .pipeThrough(new CompressionStream("gzip"));
      return new Uint8Array(await new Response(packed).arrayBuffer());
    } finally {
      this.#count--;
    }
  }
}
