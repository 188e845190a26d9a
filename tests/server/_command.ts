// Runs the command of the server as a process of its own.

const MAIN = new URL("../../server/main.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** How long the command may take to start or end, in milliseconds. */
export const PATIENCE = 20_000;

/** The packages of this test, which the command gets too. */
const IMPORTS = Object.fromEntries(
  ["@std/cli/parse-args"].map((name) => [
    name,
    import.meta.resolve(name),
  ]),
);
const IMPORT_MAP = `data:application/json,${
  encodeURIComponent(JSON.stringify({ imports: IMPORTS }))
}`;

/** The command, as it runs in a terminal. */
export class Command implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #readers: Promise<void>[];
  #mayRead: Promise<void> = Promise.resolve();
  stdout = "";
  stderr = "";

  constructor(
    args: readonly string[],
    permissions: readonly string[] = ["-P=serve"],
    script = `exec "$@"`,
  ) {
    this.#process = new Deno.Command("sh", {
      args: [
        "-c",
        script,
        "sh",
        Deno.execPath(),
        "run",
        "-q",
        "--no-lock",
        `--config=${CONFIG}`,
        `--import-map=${IMPORT_MAP}`,
        ...permissions,
        MAIN,
        ...args,
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#readers = [
      this.#read(this.#process.stdout, (text) => this.stdout += text),
      this.#read(this.#process.stderr, (text) => this.stderr += text),
    ];
  }

  async #read(
    stream: ReadableStream<Uint8Array>,
    keep: (text: string) => void,
  ) {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      keep(text);
      await this.#mayRead;
    }
  }

  /** Stops reading its output until the returned function is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#mayRead = promise;
    return resolve;
  }

  /** Waits until the output matches, and returns the match. */
  async until(
    wanted: RegExp,
    from: "stdout" | "stderr" = "stdout",
  ): Promise<RegExpExecArray> {
    for (const end = performance.now() + PATIENCE; performance.now() < end;) {
      const found = wanted.exec(this[from]);
      if (found !== null) return found;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(
      `No ${wanted} in ${JSON.stringify([this.stdout, this.stderr])}`,
    );
  }

  /** Waits for the URL that the command prints. */
  async url(): Promise<string> {
    return (await this.until(/https?:\/\/\S+\//))[0];
  }

  signal(signal: Deno.Signal): void {
    this.#process.kill(signal);
  }

  /** Waits for the end, and returns the exit code. */
  async ended(): Promise<number> {
    const timer = setTimeout(() => this.#process.kill("SIGKILL"), PATIENCE);
    const { code } = await this.#process.status;
    clearTimeout(timer);
    await Promise.all(this.#readers);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#process.kill("SIGKILL");
    } catch {
      // It has already ended
    }
    await this.ended();
  }
}

/** Fetches a URL, and returns the body as text. */
export async function fetchText(
  url: string,
  init: RequestInit = {},
): Promise<string> {
  return await (await fetch(url, init)).text();
}
