// What is in a directory.

import {
  type FileTree,
  type Found,
  type Version,
  versionOf,
} from "../_files/file_tree.ts";
import { SLICE } from "./turns.ts";

/** One line of a listing. */
export interface Entry {
  /** The name. */
  readonly name: string;
  /** Whether it is a directory. */
  readonly isDirectory: boolean;
  /** The size of a file in bytes, null if it is not known. */
  readonly size: number | null;
  /**
   * When it was last changed, in milliseconds since 1970; null if it is not
   * known.
   */
  readonly modified: number | null;
  /** Whether the file system was asked for these two. */
  readonly isMeasured: boolean;
}

/** Reads a directory, entry by entry. */
export class DirectoryReader {
  readonly #tree: FileTree;
  readonly #directory: Found;
  readonly #isServed: (name: string) => boolean;
  readonly #iterator: AsyncIterator<Deno.DirEntry>;

  constructor(
    tree: FileTree,
    directory: Found,
    isServed: (name: string) => boolean,
  ) {
    this.#tree = tree;
    this.#directory = directory;
    this.#isServed = isServed;
    this.#iterator = Deno.readDir(directory.path)[Symbol.asyncIterator]();
  }

  /**
   * Reads a slice of the entries, those that may not be served left out; the
   * last slice is shorter than the others.
   */
  async readSlice(): Promise<{ entries: Entry[]; isLast: boolean }> {
    const entries: Entry[] = [];
    for (let count = 0; count < SLICE; count++) {
      const { value, done } = await this.#iterator.next();
      if (done) return { entries, isLast: true };
      const entry = this.#isServed(value.name) ? this.#entryOf(value) : null;
      if (entry !== null) entries.push(entry);
    }
    return { entries, isLast: false };
  }

  /** Ends reading, however much was read. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  /**
   * Links are listed as what they lead to; what is neither file nor directory,
   * or could not be fetched, is not.
   */
  #entryOf(listed: Deno.DirEntry): Entry | null {
    const { name } = listed;
    if (listed.isSymlink) {
      const found = this.#tree.find([...this.#directory.names, name]);
      if (typeof found === "number") return null;
      return measured(name, found.kind === "directory", found.version);
    }
    if (!listed.isFile && !listed.isDirectory) return null;
    const { isDirectory } = listed;
    return { name, isDirectory, size: null, modified: null, isMeasured: false };
  }

  /**
   * Finds out size and date of an entry; one that cannot be looked at stays
   * without.
   */
  measure(entry: Entry): Entry {
    if (entry.isMeasured) return entry;
    try {
      const info = Deno.lstatSync(`${this.#directory.path}/${entry.name}`);
      return measured(entry.name, info.isDirectory, versionOf(info));
    } catch {
      return { ...entry, isMeasured: true }; // locked, or gone since
    }
  }
}

function measured(
  name: string,
  isDirectory: boolean,
  { size, modified }: Version,
): Entry {
  return {
    name,
    isDirectory,
    size: isDirectory ? null : size,
    modified: modified > 0 ? modified : null,
    isMeasured: true,
  };
}
