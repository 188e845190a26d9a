import { parseQualityValues, qualityOf } from "../../message/mod.ts";

/** The content codings that files are sent in, the smallest result first. */
export const CODINGS = ["br", "zstd", "gzip"] as const;

/** One of {@linkcode CODINGS}. */
export type Coding = typeof CODINGS[number];

/**
 * A sidecar is a copy of a file that was compressed beforehand: the name of the
 * file is followed by one of these.
 */
export const SIDECAR_EXTENSIONS: Readonly<Record<Coding, string>> = {
  br: ".br",
  zstd: ".zst",
  gzip: ".gz",
};

/**
 * Reads which codings a client prefers (RFC 9110 section 12.5.3).
 *
 * @param acceptEncoding The field value.
 * @returns The codings whose quality is at least that of `identity`, best
 *   first.
 */
export function acceptedCodings(acceptEncoding: string): readonly Coding[] {
  const values = parseQualityValues(
    acceptEncoding.replaceAll(/x-gzip/gi, "gzip"), // RFC 9110 section 8.4.1.3
  );
  const identity = qualityOf(values, "identity") ?? 0;
  const quality = (coding: Coding) => qualityOf(values, coding) ?? 0;
  return CODINGS
    .filter((coding) => quality(coding) > 0 && quality(coding) >= identity)
    .sort((a, b) => quality(b) - quality(a));
}

/** At most this many files are compressed at once. */
const MAX_COMPRESSING = 4;

/** Compresses files as they are asked for, a few at once. */
export class Compressor {
  #count = 0;

  /** Whether it has enough to do: then a file is better sent as it is. */
  get isBusy(): boolean {
    return this.#count >= MAX_COMPRESSING;
  }

  /** Compresses bytes; other work has its turn after each 64 KiB. */
  async gzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    this.#count++;
    try {
      const compressed = new Blob([new Uint8Array(bytes)]).stream()
        .pipeThrough(new CompressionStream("gzip"));
      return new Uint8Array(await new Response(compressed).arrayBuffer());
    } finally {
      this.#count--;
    }
  }
}
