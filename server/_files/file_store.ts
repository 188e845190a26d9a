import type { PreparedResponse } from "../_prepared_response.ts";
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
  isSameVersion,
  type Version,
} from "./file_tree.ts";
import { isCompressible, mediaTypeOf } from "./media_type.ts";
import {
  type Content,
  openFound,
  readAgain,
  readContent,
} from "./open_file.ts";
import {
  type CommonHeaders,
  Representation,
  type RepresentationInit,
} from "./representation.ts";
import { Shelf } from "./shelf.ts";
import { type Evidence, MAX_GZIP_BYTES, StoredFile } from "./stored_file.ts";

/** The bytes of files up to this size are held in memory. */
const MAX_HELD_BYTES = 65_536;
/** How many bytes are held of all files. */
const MAX_ANSWER_BYTES = 67_108_864;
/**
 * How many files are known, whether their bytes are held or not, by what that
 * takes.
 */
const MAX_KNOWN_BYTES = 67_108_864;
/** Below this size compressing saves no packet. */
const MIN_GZIP_BYTES = 512;

/**
 * The files asked for of late: what is known of them, and of fewer also the
 * bytes.
 */
export class FileStore {
  readonly #tree: FileTree;
  readonly #common: CommonHeaders;
  readonly #onDrop: (file: StoredFile) => void;
  readonly #files = new Map<string, StoredFile>();
  readonly #known = new Shelf<StoredFile>(MAX_KNOWN_BYTES);
  readonly #answers = new Shelf<Representation>(MAX_ANSWER_BYTES);
  readonly #packer = new Packer();

  /**
   * Makes an empty store.
   *
   * @param tree Where the files are.
   * @param common What they are sent with.
   * @param onDrop Called when a file was dropped, so that nobody else keeps it
   *   in memory.
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

  /**
   * Gives a file that was just found: as it is known, if nothing of it has
   * changed.
   */
  get(found: Found, time: number): StoredFile | Absence {
    const known = this.#files.get(keyOf(found));
    if (known !== undefined) {
      const beside = this.#lookBeside(found, known.mediaType, time);
      if (fingerprintOf(found, beside.sidecars) === known.fingerprint) {
        known.evidence = evidenceOf(known.plain.source, beside);
        known.isUsed = true;
        return known;
      }
      this.#known.remove(known);
    }
    const content = readContent(found, MAX_HELD_BYTES);
    return typeof content === "number" ? content : this.#store(content, time);
  }

  /**
   * Tells whether a file is unchanged.
   *
   * Finding it anew would ask for each sidecar that is not there, 5 times as
   * long: names come and go with the time of their directory.
   */
  isCurrent(file: StoredFile, time: number): boolean {
    const { found, directory } = file.evidence;
    if (!found.every((one) => this.#tree.isUnchanged(one, time))) return false;
    if (directory === null) return true;
    const now = this.#tree.findDirectoryOf(file.plain.source, time);
    return directory.isSettled && typeof now === "object" &&
      isSameVersion(now.version, directory);
  }

  /**
   * Gives the answer with all bytes of a file, ready to be sent.
   *
   * @returns Null if the file is too large for that, or not this version any
   *   more.
   */
  answer(representation: Representation): PreparedResponse | null {
    const { whole, size, source } = representation;
    representation.isUsed = true;
    if (whole !== null) return whole;
    if (size > MAX_HELD_BYTES) return null;
    const bytes = readAgain(source);
    return bytes === null ? null : this.#hold(representation, bytes);
  }

  #hold(representation: Representation, bytes: Uint8Array): PreparedResponse {
    const whole = representation.hold(bytes);
    this.#answers.add(representation);
    return whole;
  }

  #store({ source, bytes, start }: Content, time: number): StoredFile {
    const mediaType = mediaTypeOf(source.names.at(-1) ?? source.path, start);
    const beside = this.#lookBeside(source, mediaType, time);
    const { size } = source.version;
    const isPackable = isCompressible(mediaType) &&
      !beside.sidecars.has("gzip") &&
      size >= MIN_GZIP_BYTES && size <= MAX_GZIP_BYTES;
    const varies = isPackable || beside.sidecars.size > 0;
    const common = { mediaType, varies, common: this.#common };
    const file = new StoredFile({
      plain: { ...common, source, coding: null, size },
      sidecars: openSidecars(beside.sidecars, common),
      fingerprint: fingerprintOf(source, beside.sidecars),
      evidence: evidenceOf(source, beside),
      packer: isPackable ? this.#packer : null,
      answers: this.#answers,
      onDrop: (file) => {
        this.#files.delete(keyOf(file.plain.source));
        this.#onDrop(file);
      },
    });
    if (bytes !== null) this.#hold(file.plain, bytes);
    this.#files.set(keyOf(source), file);
    this.#known.add(file);
    return file;
  }

  /**
   * Finds the copies of a file that were compressed beforehand, and not before
   * its last change.
   */
  #lookBeside(file: Found, mediaType: string, time: number): Beside {
    const sidecars = new Map<Coding, Found>();
    if (!isCompressible(mediaType)) return { sidecars, directory: null };
    const directory = this.#tree.findDirectoryOf(file, time); // first: what changes from now on shows
    const above = file.names.slice(0, -1);
    for (const coding of CODINGS) {
      const name = `${file.names.at(-1)}${SIDECAR_EXTENSIONS[coding]}`;
      const found = this.#tree.find([...above, name]);
      if (typeof found === "number" || found.kind !== "file") continue;
      if (secondOf(found) >= secondOf(file)) sidecars.set(coding, found);
    }
    return {
      sidecars,
      directory: typeof directory === "number" ? null : directory.version,
    };
  }
}

/** What lies beside a file. */
interface Beside {
  /** The copies of it that are sent in its place. */
  readonly sidecars: ReadonlyMap<Coding, Found>;
  /**
   * The directory, where copies would come and go; null if the file can have
   * none.
   */
  readonly directory: Version | null;
}

function evidenceOf(file: Found, { sidecars, directory }: Beside): Evidence {
  return { found: [file, ...sidecars.values()], directory };
}

/**
 * Makes the representations, each of the version that its open handle shows.
 */
function openSidecars(
  sidecars: ReadonlyMap<Coding, Found>,
  common: Pick<RepresentationInit, "mediaType" | "varies" | "common">,
): Map<Coding, Representation> {
  const representations = new Map<Coding, Representation>();
  for (const [coding, sidecar] of sidecars) {
    const open = openFound(sidecar);
    if (typeof open === "number") continue;
    const { file, version } = open;
    file.close();
    const source = { ...sidecar, version };
    const init = { ...common, source, coding, size: version.size };
    representations.set(coding, new Representation(init));
  }
  return representations;
}

function keyOf({ names }: Found): string {
  return names.join("/");
}

/**
 * In seconds: some tools keep no more of the time of the file that they
 * compress.
 */
function secondOf({ version }: Found): number {
  return Math.floor(version.modified / 1000);
}

/**
 * Tells versions of a file and its sidecars apart; unlike any other while a
 * change could leave no trace.
 */
function fingerprintOf(
  file: Found,
  sidecars: ReadonlyMap<Coding, Found>,
): string {
  let text = "";
  for (const { path, version } of [file, ...sidecars.values()]) {
    const { dev, ino, size, modified } = version;
    text += `${path}\0${dev} ${ino} ${size} ${modified} `;
    if (!version.isSettled) text += `unsettled ${Math.random()}`;
  }
  return text;
}
