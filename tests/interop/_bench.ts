// Runs a command with curl and with this client, each in its own folder with
// the same files, and compares the results.

import { assertEquals } from "@std/assert";
import { run } from "../client/_memory_io.ts";

/** The result of a command. */
interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly files: Readonly<Record<string, string>>;
}

type Run = (folder: string) => Promise<{ code: number; stdout: Uint8Array }>;

const TIMEOUT_MS = 20_000;
const FILES: Readonly<Record<string, string>> = {
  "data.txt": "a=1\r\nb=2\n",
  "old.txt": "old",
  ".netrc": "machine 127.0.0.1\nlogin ada\npassword lovelace\n",
  "cookies.txt": "127.0.0.1\tFALSE\t/\tFALSE\t0\tkept\tyes\n",
};

/** Compares this client with curl. */
export class Bench {
  readonly #folder: string;
  readonly #places: Readonly<Record<string, string>>;

  /**
   * Makes a bench.
   *
   * @param folder The folder for the folders of both.
   * @param places What replaces the names in braces.
   */
  constructor(folder: string, places: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#places = places;
  }

  /**
   * Runs a command with both; all results must be the same. The command is a
   * list of words, or a text with spaces between words and `_` for a space
   * within a word.
   */
  async compare(
    command: string | readonly string[],
    stdin = "",
  ): Promise<void> {
    const [ours, theirs] = await this.#runBoth(command, stdin);
    assertEquals(ours, theirs);
  }

  /** Runs a command with both, which must exit with these codes. */
  async contrast(
    command: string,
    codes: readonly [ours: number, theirs: number],
    stdin = "",
  ): Promise<void> {
    const [ours, theirs] = await this.#runBoth(command, stdin);
    assertEquals([ours.code, theirs.code], codes);
  }

  async #runBoth(
    command: string | readonly string[],
    stdin: string,
  ): Promise<[Result, Result]> {
    const words = typeof command === "string"
      ? command.split(" ").map((word) => word.replaceAll("_", " "))
      : command;
    const args = words.map((word) =>
      word.replace(/\{(\w+)\}/g, (all, name) => this.#places[name] ?? all)
    );
    return [
      await this.#inFolder(() => run(["-s", ...args], { stdin })),
      await this.#inFolder((home) => runCurl(args, { home, stdin })),
    ];
  }

  async #inFolder(runIn: Run): Promise<Result> {
    const folder = await Deno.makeTempDir({ dir: this.#folder });
    const cwd = Deno.cwd();
    const home = Deno.env.get("HOME");
    try {
      for (const [name, text] of Object.entries(FILES)) {
        await Deno.writeTextFile(`${folder}/${name}`, text);
      }
      Deno.chdir(folder);
      Deno.env.set("HOME", folder);
      const { code, stdout } = await runIn(folder);
      return {
        code,
        stdout: comparable(stdout),
        files: await readFolder(folder),
      };
    } finally {
      Deno.chdir(cwd);
      if (home !== undefined) Deno.env.set("HOME", home);
      await Deno.remove(folder, { recursive: true });
    }
  }
}

async function runCurl(
  args: readonly string[],
  { home, stdin }: { readonly home: string; readonly stdin: string },
): Promise<{ code: number; stdout: Uint8Array }> {
  const child = new Deno.Command("curl", {
    args: ["-q", "-0", "-s", ...args],
    cwd: home,
    clearEnv: true,
    env: { HOME: home, PATH: "/usr/bin:/bin" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  }).spawn();
  const writer = child.stdin.getWriter();
  // curl may end without having read it
  const written = writer.write(new TextEncoder().encode(stdin))
    .then(() => writer.close()).catch(() => {});
  const { code, stdout } = await child.output();
  await written;
  return { code, stdout };
}

async function readFolder(folder: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { name } of Deno.readDir(folder)) {
    const text = comparable(await Deno.readFile(`${folder}/${name}`));
    files[name] = name.endsWith(".jar") ? comparableJar(text) : text;
  }
  return files;
}

/** Decodes bytes, and masks what always differs between two runs. */
function comparable(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes)
    .replace(/^Date: .*$/gim, "Date: -")
    .replace(/(?<=boundary=)\S+|(?<=^--)(?:-{20,}|knock-)[\da-f]+/gm, "-");
}

/** Normalizes a cookie jar: sorts it, and masks times. */
function comparableJar(text: string): string {
  return text.split("\n")
    .filter((line) => line !== "" && !line.startsWith("# "))
    .map((line) => line.replace(/\t\d{10}\t/, "\ttime\t"))
    .sort().join("\n");
}
