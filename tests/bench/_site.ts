// The files that are served, and what is known about them.

/** How many files a folder with many files has. */
export const MANY_FILES = 10_000;
const BLOCK_BYTES = 1_048_576;
const TEXT_BLOCKS = 8;
const LARGE_BLOCKS = 256;

/** A file to request. */
export interface SiteFile {
  /** Its path in a URL. */
  readonly path: string;
  /** Its size in bytes. */
  readonly size: number;
  /** Returns `count` of its bytes, from an index on. */
  bytes(start: number, count: number): Uint8Array;
}

/** A folder with files. */
export interface Site {
  /** The path of the folder. */
  readonly folder: string;
  /** 1 KB. */
  readonly small: SiteFile;
  /** 10 KB. */
  readonly medium: SiteFile;
  /** 8 MB of text. */
  readonly text: SiteFile;
  /** 256 MB. */
  readonly large: SiteFile;
}

/** Writes the files. */
export async function makeSite(folder: string): Promise<Site> {
  await Deno.mkdir(folder);
  const small = repeated("/small.txt", textOf(1_024), 1);
  const medium = repeated("/medium.txt", textOf(10_240), 1);
  const text = repeated("/text.txt", textOf(BLOCK_BYTES), TEXT_BLOCKS);
  const large = repeated("/large.bin", noise(BLOCK_BYTES), LARGE_BLOCKS);
  for (const file of [small, medium, text, large]) {
    using handle = await Deno.create(folder + file.path);
    for (let start = 0; start < file.size; start += BLOCK_BYTES) {
      const bytes = file.bytes(start, Math.min(BLOCK_BYTES, file.size));
      await handle.write(bytes);
    }
  }
  return { folder, small, medium, text, large };
}

/** Writes a folder with many files of one size. */
export async function makeManyFiles(
  { folder }: Site,
  top: string,
  size: number,
): Promise<SiteFile[]> {
  const files = Array.from({ length: MANY_FILES }, (_, index) => {
    const name = String(index).padStart(4, "0");
    const bytes = textOf(size);
    bytes.set(new TextEncoder().encode(name));
    return repeated(`/${top}/${name.slice(0, 2)}/${name}.txt`, bytes, 1);
  });
  for (let hundred = 0; hundred < MANY_FILES / 100; hundred++) {
    const name = String(hundred).padStart(2, "0");
    await Deno.mkdir(`${folder}/${top}/${name}`, { recursive: true });
  }
  for (const file of files) {
    await Deno.writeFile(folder + file.path, file.bytes(0, file.size));
  }
  return files;
}

/** Makes a file that repeats a block. */
function repeated(path: string, block: Uint8Array, times: number): SiteFile {
  return {
    path,
    size: block.length * times,
    bytes(start, count) {
      const bytes = new Uint8Array(count);
      for (let done = 0; done < count;) {
        const from = (start + done) % block.length;
        const part = block.subarray(from, from + count - done);
        bytes.set(part, done);
        done += part.length;
      }
      return bytes;
    },
  };
}

function textOf(length: number): Uint8Array {
  const line = "Knock, knock. Who's there? 0123456789 abcdefghijklmnopqrst.\n";
  return new TextEncoder().encode(
    line.repeat(Math.ceil(length / line.length)).slice(0, length),
  );
}

/** Makes bytes that look random but are always the same (xorshift). */
function noise(length: number): Uint8Array {
  const words = new Uint32Array(length / 4);
  let state = 1;
  for (let i = 0; i < words.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer);
}
