// Sends requests in several loops at the same time.

const TIMEOUT_MS = 20_000;
/** An instance without requests for this long is out of the rotation. */
const QUIET_MS = 300;

/** Fetches a file, and may post to `/echo` in turn, until it is stopped. */
export class Load implements AsyncDisposable {
  readonly #url: string;
  readonly #posts: boolean;
  readonly #client: Deno.HttpClient;
  readonly #loops: Promise<void>[];
  #isStopped = false;
  /** The failures, one line each. */
  readonly failures: string[] = [];
  /** How many responses each instance has sent, by its port. */
  readonly counts: Record<string, number> = {};
  /** The connections to the instances, by the ports of the proxy. */
  readonly connections = new Set<string>();

  /**
   * Starts the loops.
   *
   * @param url The URL of the proxy.
   * @param options How many loops, and whether they post.
   */
  constructor(
    url: string,
    { loops, posts }: { readonly loops: number; readonly posts: boolean },
  ) {
    this.#url = url;
    this.#posts = posts;
    this.#client = Deno.createHttpClient({ poolMaxIdlePerHost: loops });
    this.#loops = Array.from({ length: loops }, (_, id) => this.#loop(id));
  }

  get requests(): number {
    return Object.values(this.counts).reduce((sum, count) => sum + count, 0);
  }

  /** Waits until an instance gets requests. */
  untilUsed(by: number): Promise<void> {
    const before = this.counts[by] ?? 0;
    return until(() => (this.counts[by] ?? 0) > before + 10);
  }

  /** Waits until an instance gets no more requests. */
  async untilUnused(instance: number): Promise<void> {
    let count = NaN;
    let since = performance.now();
    await until(() => {
      const now = performance.now();
      if (this.counts[instance] !== count) since = now;
      count = this.counts[instance] ?? 0;
      return now - since > QUIET_MS;
    });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all(this.#loops);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    this.#client.close();
  }

  async #loop(id: number): Promise<void> {
    for (let i = 0; !this.#isStopped; i++) {
      const sent = !this.#posts || i % 2 === 0 ? null : `${id} posts ${i}`;
      try {
        await this.#ask(sent);
      } catch (error) {
        this.failures.push(`${sent ?? "GET"}: ${error}`);
      }
    }
  }

  async #ask(sent: string | null): Promise<void> {
    const client = this.#client;
    const response = sent === null
      ? await fetch(`${this.#url}/small.txt`, { client })
      : await fetch(`${this.#url}/echo`, {
        client,
        method: "POST",
        body: sent,
      });
    const text = await response.text();
    const field = (name: string) => response.headers.get(name) ?? "none";
    const instance = field("X-Instance");
    this.counts[instance] = (this.counts[instance] ?? 0) + 1;
    if (sent !== null) this.connections.add(field("X-Peer"));
    const isWhole = sent === null ? text.startsWith("Knock") : text === sent;
    if (response.ok && isWhole) return;
    throw new Error(`${response.status} ${text.slice(0, 60)}`);
  }
}

/** Waits for a condition. */
export async function until(
  isTrue: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + TIMEOUT_MS;
  while (!await isTrue()) {
    if (performance.now() > end) throw new Error(`Not true: ${isTrue}`);
    await new Promise((resume) => setTimeout(resume, 20));
  }
}
