import type { Context } from "./_context.ts";
import { writeAddress } from "./_connection.ts";
import { ClientError } from "./error.ts";

/** Milliseconds after which the next address is tried as well (RFC 8305 section 5). */
const ATTEMPT_DELAY = 250;

/** Where to connect to. */
export interface Destination {
  /** The host, for messages. */
  readonly host: string;
  /** The port. */
  readonly port: number;
  /** The addresses in the order in which to try them. */
  readonly addresses: readonly string[];
}

interface Failure {
  readonly address: string;
  readonly error: unknown;
}

/**
 * Connects to the first address that answers (Happy Eyeballs, RFC 8305): the next one is tried when one fails or has not
 * answered for a while, and the losers are closed.
 */
export async function connectFirst(
  destination: Destination,
  context: Context,
): Promise<Deno.TcpConn> {
  const race = new Race(destination.port, context);
  const winner = await race.run(destination.addresses);
  if (winner !== null) return winner;
  const denied = race.failures.find(({ error }) =>
    error instanceof Deno.errors.NotCapable
  );
  context.deadline.throwIfOver();
  throw denied?.error ?? refusal(destination, race.failures);
}

class Race {
  readonly failures: Failure[] = [];
  readonly #port: number;
  readonly #context: Context;
  #losers: AbortController | null = null;
  #winner: Deno.TcpConn | null = null;

  constructor(port: number, context: Context) {
    this.#port = port;
    this.#context = context;
  }

  async run(addresses: readonly string[]): Promise<Deno.TcpConn | null> {
    const overall = this.#context.deadline.signal;
    const [only] = addresses;
    if (addresses.length === 1 && only !== undefined) { // nobody to race with
      await this.#try(only, overall);
      return this.#winner;
    }
    const losers = this.#losers = new AbortController();
    const signal = AbortSignal.any([overall, losers.signal]);
    const running: Promise<void>[] = [];
    for (const address of addresses) {
      const attempt = this.#try(address, signal);
      running.push(attempt);
      await this.#pause(attempt, losers.signal);
      if (signal.aborted) break;
    }
    await Promise.all(running); // the winner ends the others at once
    return this.#winner;
  }

  async #try(address: string, signal: AbortSignal): Promise<void> {
    const port = this.#port;
    const { emit } = this.#context;
    const place = emit && writeAddress(address, port);
    try {
      emit?.({ type: "connecting", address: place! });
      const socket = await Deno.connect({ hostname: address, port, signal });
      if (this.#winner !== null) return socket.close();
      this.#winner = socket;
      this.#losers?.abort();
    } catch (error) {
      this.failures.push({ address, error });
      const reason = this.#winner !== null
        ? "another address was faster"
        : signal.aborted
        ? "given up"
        : whyRefused(error, port);
      emit?.({ type: "connect-failed", address: place!, reason });
    }
  }

  /** Waits until an attempt has failed, any has won, or the next may begin. */
  #pause(attempt: Promise<void>, losers: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ATTEMPT_DELAY);
      const goOn = () => {
        clearTimeout(timer);
        resolve();
      };
      attempt.then(goOn);
      losers.addEventListener("abort", goOn, { once: true });
    });
  }
}

/** Says in words why an address could not be connected to. */
export function whyRefused(error: unknown, port: number): string {
  const { code, message } = error as { code?: string; message: string };
  switch (code) {
    case "ECONNREFUSED":
      return `refused: the host is up, nothing listens on port ${port}`;
    case "EHOSTUNREACH":
      return "unreachable: the host is down, or there is no way to it";
    case "ENETUNREACH":
    case "EADDRNOTAVAIL":
      return "unreachable: this machine has no way to its network";
    case "ETIMEDOUT":
      return "no answer: the host is down, or something on the way drops what is sent";
    case "ECONNRESET":
      return "reset before the connection was made";
    default:
      return message;
  }
}

function refusal(
  { host, port, addresses }: Destination,
  failures: readonly Failure[],
): ClientError {
  const reasons = failures.map(({ address, error }) => ({
    place: writeAddress(address, port),
    why: whyRefused(error, port),
  }));
  const target = addresses[0] === host.replace(/^\[|\]$/g, "")
    ? `${host}:${port}`
    : `${host}:${port} (${addresses.join(", ")})`;
  const sameWhy = reasons.every(({ why }) => why === reasons[0]?.why);
  const why = sameWhy
    ? reasons[0]?.why
    : reasons.map(({ place, why }) => `${place} ${why}`).join("; ");
  const anyRefused = failures.some(({ error }) =>
    error instanceof Deno.errors.ConnectionRefused
  );
  return new ClientError(`Cannot connect to ${target}: ${why}`, {
    code: anyRefused ? "refused" : "unreachable",
    step: "connect",
    host,
    port,
    address: addresses.length === 1 ? addresses[0]! : null,
    cause: failures.length === 1
      ? failures[0]!.error
      : new AggregateError(failures.map(({ error }) => error)),
  });
}
