import type { Coding, Packer } from "./content_coding.ts";
import { type Found, isSameVersion } from "./file_tree.ts";
import { readContent } from "./open_file.ts";
import { Representation, type RepresentationInit } from "./representation.ts";

/** Files up to this size are compressed for those who want it. */
export const MAX_GZIP_BYTES = 1_048_576;
/** What a file costs in memory beside its bytes, roughly. */
const OVERHEAD_BYTES = 4_096;
/** Bytes, and twice that in answers that lie ready. */
const COPIES = 3;

/** A file in each coding that there is of it. */
export class StoredFile {
  readonly #init: RepresentationInit;
  readonly #sidecars: ReadonlyMap<Coding, Representation>;
  readonly #packer: Packer | null;
  #packed: Representation | null = null;
  #packing: Promise<Representation> | null = null;
  /** Changes when the file, or a sidecar, does. */
  readonly fingerprint: string;
  /** What must be unchanged for this to be true still: the file, and where it has sidecars, these and the directory. */
  readonly evidence: readonly Found[];
  /** The request paths that are known to lead here. */
  readonly paths: Set<string> = new Set();
  /** The file without coding. */
  readonly plain: Representation;

  /**
   * Makes what is held of a file.
   *
   * @param init The file without coding.
   * @param sidecars The copies that lie beside it.
   * @param held Its fingerprint and evidence, and what compresses it; null if that would gain nothing.
   */
  constructor(
    init: RepresentationInit,
    sidecars: ReadonlyMap<Coding, Representation>,
    held: {
      readonly fingerprint: string;
      readonly evidence: readonly Found[];
      readonly packer: Packer | null;
    },
  ) {
    this.#init = init;
    this.#sidecars = sidecars;
    this.#packer = held.packer;
    this.fingerprint = held.fingerprint;
    this.evidence = held.evidence;
    this.plain = new Representation(init);
  }

  /** Whether the answer depends on what codings the client takes. */
  get varies(): boolean {
    return this.#init.varies;
  }

  /** The media type. */
  get mediaType(): string {
    return this.#init.mediaType;
  }

  /** How much memory it takes. */
  get weight(): number {
    let bytes = this.plain.bytes?.length ?? 0;
    for (const { bytes: own } of this.#sidecars.values()) {
      bytes += own?.length ?? 0;
    }
    const packed = this.#packer === null ? 0 : this.plain.size;
    return OVERHEAD_BYTES + bytes * COPIES + packed;
  }

  /** Chooses for a client that wants these codings, the most wanted first. */
  choose(codings: readonly Coding[]): Representation | Promise<Representation> {
    for (const coding of codings) {
      const sidecar = this.#sidecars.get(coding);
      if (sidecar !== undefined) return sidecar;
      if (coding !== "gzip" || this.#packer === null) continue;
      const packed = this.#packed ?? this.#packing;
      if (packed !== null) return packed;
      if (!this.#packer.isBusy) return this.#packing = this.#pack(this.#packer);
    }
    return this.plain;
  }

  /** Compresses the file, once; it stays as it is if it changes meanwhile, or gets no smaller. */
  async #pack(packer: Packer): Promise<Representation> {
    const { plain } = this;
    const bytes = this.#init.bytes ?? this.#read();
    const packed = bytes === null ? null : await packer.gzip(bytes);
    this.#packed = packed === null || packed.length >= plain.size
      ? plain
      : new Representation({ ...this.#init, coding: "gzip", bytes: packed });
    return this.#packed;
  }

  #read(): Uint8Array<ArrayBuffer> | null {
    const { source } = this.plain;
    const content = readContent(source, MAX_GZIP_BYTES);
    return typeof content === "object" &&
        isSameVersion(content.source.info, source.info)
      ? content.bytes
      : null;
  }
}
