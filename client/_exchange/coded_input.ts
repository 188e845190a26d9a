/** Coded data as it comes, of which a decoder may take more than it uses. */
export class CodedInput {
  readonly #source: AsyncGenerator<Uint8Array>;
  #filling: Promise<boolean> | null = null;
  /** What was lent to a decoder and maybe not used, and how much before it. */
  #lent: Uint8Array[] = [];
  #used = 0;
  #isLending = false;
  /** What has come and was not taken yet. */
  octets = new Uint8Array(0);
  /** What the source failed with. */
  failure: { readonly error: unknown } | null = null;

  constructor(source: AsyncGenerator<Uint8Array>) {
    this.#source = source;
  }

  /** Waits for a number of octets; false when the input ends before. */
  async has(count: number): Promise<boolean> {
    while (this.octets.length < count) {
      if (this.failure !== null) throw this.failure.error;
      if (!await (this.#filling ??= this.#fill())) return false;
    }
    return true;
  }

  /** Takes the first octets. */
  take(count: number): Uint8Array<ArrayBuffer> {
    const taken = this.octets.slice(0, count);
    this.octets = this.octets.subarray(count);
    return taken;
  }

  /**
   * Gives a decoder all that comes, and then a probe.
   *
   * @param used Tells how many octets the decoder has used so far.
   */
  async *lend(
    used: () => number,
    probe: Uint8Array,
  ): AsyncGenerator<Uint8Array> {
    this.#lent = [];
    this.#used = 0;
    this.#isLending = true;
    while (await this.has(1) && this.#isLending) {
      while (this.#lent.length > 0) {
        const end = this.#used + this.#lent[0]!.length;
        if (end > used()) break;
        this.#used = end;
        this.#lent.shift();
      }
      const chunk = this.octets;
      this.octets = new Uint8Array(0);
      this.#lent.push(chunk);
      yield chunk;
    }
    if (this.#isLending && probe.length > 0) yield probe;
  }

  /** Takes back what the decoder did not use; false when it used a probe. */
  takeBack(used: number): boolean {
    this.#isLending = false;
    const lent = concat(this.#lent);
    const unused = used - this.#used;
    this.octets = concat([lent.subarray(unused), this.octets]);
    return unused <= lent.length;
  }

  /** Reads on to the end, at which the source tells whether it is whole. */
  async skipRest(): Promise<void> {
    while (await this.has(1)) this.octets = new Uint8Array(0);
  }

  async #fill(): Promise<boolean> {
    try {
      const { value, done } = await this.#source.next();
      if (!done) this.octets = concat([this.octets, value]);
      return !done;
    } catch (error) {
      this.failure = { error };
      throw error;
    } finally {
      this.#filling = null;
    }
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
