import {
  type Coding,
  CODINGS,
  Packer,
  SIDECAR_EXTENSIONS,
} from "./content_coding.ts";
import {
  type Absence,
  type FileTree,
  type Found,
  isSettled,
} from "./file_tree.ts";
import { isCompressible, mediaTypeOf } from "./media_type.ts";
import { type Content, readContent } from "./open_file.ts";
import { type CommonHeaders, Representation } from "./representation.ts";
import { MAX_GZIP_BYTES, StoredFile } from "./stored_file.ts";

/** Files up to this size are held in memory. */
const MAX_HELD_BYTES = 65_536;
/** How many bytes are held of all files. */
const MAX_STORE_BYTES = 67_108_864;
/** Below this size compressing saves no packet. */
const MIN_GZIP_BYTES = 512;

/** The files asked for of late; when they are too many, those that were not asked for the longest are dropped. */
export class FileStore {
  readonly #tree: FileTree;
  readonly #common: CommonHeaders;
  readonly #onDrop: (file: StoredFile) => void;
  readonly #files = new Map<string, StoredFile>();
  readonly #packer = new Packer();
  #bytes = 0;

  /**
   * Makes an empty store.
   *
   * @param tree Where the files are.
   * @param common What they are sent with.
   * @param onDrop Called when a file was dropped, so that nobody else keeps it in memory.
   */
  constructor(
    tree: FileTree,
    common: CommonHeaders,
    onDrop: (file: StoredFile) => void,
  ) {
    this.#tree = tree;
    this.#common = common;
    this.#onDrop = onDrop;
  }

  /** Gives a file that was just found: as it is held, if nothing of it has changed. */
  get(found: Found): StoredFile | Absence {
    const key = keyOf(found);
    const known = this.#files.get(key);
    if (known !== undefined) {
      this.#drop(key, known);
      const sidecars = this.#findSidecars(found, known.mediaType);
      if (fingerprintOf(found, sidecars) === known.fingerprint) {
        return this.#hold(key, known);
      }
      this.#onDrop(known);
    }
    const content = readContent(found, MAX_HELD_BYTES);
    return typeof content === "number"
      ? content
      : this.#hold(key, this.#store(content));
  }

  /**
   * Tells whether a file is held still, and unchanged.
   *
   * Finding it anew would ask for each sidecar that is not there, 5 times as long: names come and go with the time of
   * their directory.
   */
  isCurrent(file: StoredFile): boolean {
    const key = keyOf(file.plain.source);
    if (this.#files.get(key) !== file) return false;
    if (!file.evidence.every((one) => this.#tree.isUnchanged(one))) {
      return false;
    }
    this.#drop(key, file);
    this.#hold(key, file);
    return true;
  }

  /** Puts a file behind all others, which makes it the last to be dropped. */
  #hold(key: string, file: StoredFile): StoredFile {
    this.#files.set(key, file);
    this.#bytes += file.weight;
    if (this.#bytes > MAX_STORE_BYTES) {
      for (const [oldestKey, oldest] of this.#files) {
        if (this.#bytes <= MAX_STORE_BYTES) break;
        this.#drop(oldestKey, oldest);
        this.#onDrop(oldest);
      }
    }
    return file;
  }

  #drop(key: string, file: StoredFile): void {
    this.#files.delete(key);
    this.#bytes -= file.weight;
  }

  #store({ source, bytes, start }: Content): StoredFile {
    const mediaType = mediaTypeOf(source.names.at(-1) ?? source.path, start);
    const directory = this.#tree.find(source.names.slice(0, -1));
    const found = this.#findSidecars(source, mediaType);
    const { size } = source.info;
    const isPackable = isCompressible(mediaType) && !found.has("gzip") &&
      size >= MIN_GZIP_BYTES && size <= MAX_GZIP_BYTES;
    const varies = isPackable || found.size > 0;
    const common = { mediaType, varies, common: this.#common };
    const sidecars = new Map<Coding, Representation>();
    for (const [coding, sidecar] of found) {
      const content = readContent(sidecar, MAX_HELD_BYTES);
      if (typeof content === "number") continue;
      sidecars.set(
        coding,
        new Representation({ ...common, ...content, coding }),
      );
    }
    return new StoredFile(
      { ...common, source, bytes, coding: null },
      sidecars,
      {
        packer: isPackable ? this.#packer : null,
        fingerprint: fingerprintOf(source, found),
        evidence: isCompressible(mediaType) && typeof directory === "object"
          ? [source, directory, ...found.values()]
          : [source],
      },
    );
  }

  /** Finds the copies of a file that were compressed beforehand, and not before its last change. */
  #findSidecars(file: Found, mediaType: string): Map<Coding, Found> {
    const sidecars = new Map<Coding, Found>();
    if (!isCompressible(mediaType)) return sidecars;
    const directory = file.names.slice(0, -1);
    for (const coding of CODINGS) {
      const name = `${file.names.at(-1)}${SIDECAR_EXTENSIONS[coding]}`;
      const found = this.#tree.find([...directory, name]);
      if (typeof found === "number" || found.kind !== "file") continue;
      if (secondOf(found) >= secondOf(file)) sidecars.set(coding, found);
    }
    return sidecars;
  }
}

function keyOf({ names }: Found): string {
  return names.join("/");
}

/** In seconds: some tools keep no more of the time of the file that they compress. */
function secondOf({ info }: Found): number {
  return Math.floor((info.mtime?.getTime() ?? 0) / 1000);
}

/** Tells versions of a file and its sidecars apart; unlike any other while a change could leave no trace. */
function fingerprintOf(
  file: Found,
  sidecars: ReadonlyMap<Coding, Found>,
): string {
  let text = "";
  for (const { path, info } of [file, ...sidecars.values()]) {
    const time = info.mtime?.getTime() ?? 0;
    text += `${path}\0${info.dev} ${info.ino} ${info.size} ${time} `;
    if (!isSettled(info)) text += `unsettled ${Math.random()}`;
  }
  return text;
}
