import type { Coding, Packer } from "./content_coding.ts";
import type { Found, Version } from "./file_tree.ts";
import { readAgain } from "./open_file.ts";
import { Representation, type RepresentationInit } from "./representation.ts";
import type { Shelf, Shelved } from "./shelf.ts";

/** Files up to this size are compressed for those who want it. */
export const MAX_GZIP_BYTES = 1_048_576;
/** What is known of a file takes so much memory, roughly. */
const KNOWN_BYTES = 4_096;

/** What tells that a file and its sidecars are as they were. */
export interface Evidence {
  /** The file and the sidecars. */
  readonly found: readonly Found[];
  /**
   * Where sidecars would come and go: the directory; null if the file can have
   * none.
   */
  readonly directory: Version | null;
}

/** What a file is held with. */
export interface StoredFileInit {
  /** The file without coding. */
  readonly plain: RepresentationInit;
  /** The copies that lie beside it. */
  readonly sidecars: ReadonlyMap<Coding, Representation>;
  /** Changes when the file, or a sidecar, does. */
  readonly fingerprint: string;
  /** What must be unchanged for this to be true still. */
  readonly evidence: Evidence;
  /** What compresses it; null if that would gain nothing. */
  readonly packer: Packer | null;
  /** What holds answers with its bytes. */
  readonly answers: Shelf<Representation>;
  /** Called when the file is dropped. */
  readonly onDrop: (file: StoredFile) => void;
}

/** A file in each coding that there is of it. */
export class StoredFile implements Shelved {
  readonly #init: StoredFileInit;
  #packed: Representation | null = null;
  #packing: Promise<Representation> | null = null;
  readonly weight = KNOWN_BYTES;
  isUsed = false;
  /** What must be unchanged for this to be true still. */
  evidence: Evidence;
  /** The request paths that are known to lead here. */
  readonly paths: Set<string> = new Set();
  /** The file without coding. */
  readonly plain: Representation;

  constructor(init: StoredFileInit) {
    this.#init = init;
    this.evidence = init.evidence;
    this.plain = new Representation(init.plain);
  }

  get fingerprint(): string {
    return this.#init.fingerprint;
  }

  /** Whether the answer depends on what codings the client takes. */
  get varies(): boolean {
    return this.#init.plain.varies;
  }

  /** The media type. */
  get mediaType(): string {
    return this.#init.plain.mediaType;
  }

  /** Chooses for a client that wants these codings, the most wanted first. */
  choose(codings: readonly Coding[]): Representation | Promise<Representation> {
    const { sidecars, packer } = this.#init;
    for (const coding of codings) {
      const sidecar = sidecars.get(coding);
      if (sidecar !== undefined) return sidecar;
      if (coding !== "gzip" || packer === null) continue;
      const packed = this.#packed;
      if (packed === this.plain || packed?.whole) return packed;
      if (this.#packing !== null) return this.#packing;
      if (!packer.isBusy) return this.#packing = this.#pack(packer);
    }
    return this.plain;
  }

  /** Lets go of all that is held of it. */
  drop(): void {
    const { sidecars, answers, onDrop } = this.#init;
    for (const one of sidecars.values()) answers.remove(one);
    answers.remove(this.plain);
    if (this.#packed !== null) answers.remove(this.#packed);
    onDrop(this);
  }

  /**
   * Compresses the file; it stays as it is if it changes meanwhile, or gets no
   * smaller.
   */
  async #pack(packer: Packer): Promise<Representation> {
    const { plain } = this;
    const bytes = plain.whole?.body ?? readAgain(plain.source);
    const packed = bytes === null ? null : await packer.gzip(bytes);
    this.#packed = packed === null || packed.length >= plain.size
      ? plain
      : this.#hold(packed);
    this.#packing = null;
    return this.#packed;
  }

  #hold(packed: Uint8Array): Representation {
    const { plain, answers } = this.#init;
    const size = packed.length;
    const coded = new Representation({ ...plain, coding: "gzip", size });
    coded.hold(packed);
    answers.add(coded);
    return coded;
  }
}
