import type { Context } from "./context.ts";
import { writeAddress } from "./connection.ts";
import { ClientError } from "../error.ts";
import { bareHost } from "../resolve.ts";

/**
 * Milliseconds after which the next address is tried as well (RFC 8305 section
 * 5).
 */
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
 * Connects to the first address that answers (Happy Eyeballs, RFC 8305): the
 * next one is tried when one fails or has not answered for a while, and the
 * losers are closed.
 */
export async function connectFirst(
  destination: Destination,
  context: Context,
): Promise<Deno.TcpConn> {
  const { addresses, port } = destination;
  const { signal } = context.deadline;
  const failures: Failure[] = [];
  const [only] = addresses;
  if (addresses.length === 1 && only !== undefined) { // nobody to race with
    try {
      return await attempt(only, port, { signal, context });
    } catch (error) {
      failures.push(failed(only, error, { port, context }));
    }
  } else {
    const winner = await race(destination, failures, context);
    if (winner !== null) return winner;
  }
  context.deadline.throwIfOver();
  throw refusal(destination, failures);
}

function attempt(
  hostname: string,
  port: number,
  { signal, context }: {
    readonly signal: AbortSignal;
    readonly context: Context;
  },
): Promise<Deno.TcpConn> {
  const { emit } = context;
  emit?.({ type: "connecting", address: writeAddress(hostname, port) });
  return Deno.connect({ hostname, port, signal });
}

function failed(
  address: string,
  error: unknown,
  { port, context, reason = whyRefused(error, port) }: {
    readonly port: number;
    readonly context: Context;
    readonly reason?: string;
  },
): Failure {
  if (error instanceof Deno.errors.NotCapable) throw error;
  const place = writeAddress(address, port);
  context.emit?.({ type: "connect-failed", address: place, reason });
  return { address, error };
}

async function race(
  { addresses, port }: Destination,
  failures: Failure[],
  context: Context,
): Promise<Deno.TcpConn | null> {
  let winner: Deno.TcpConn | null = null;
  const end = new AbortController();
  const signal = AbortSignal.any([context.deadline.signal, end.signal]);
  const run = async (address: string): Promise<void> => {
    try {
      const socket = await attempt(address, port, { signal, context });
      if (winner !== null) return socket.close();
      winner = socket;
      end.abort();
    } catch (error) {
      const reason = winner !== null
        ? "another address was faster"
        : signal.aborted
        ? "given up"
        : whyRefused(error, port);
      failures.push(failed(address, error, { port, context, reason }));
    }
  };
  const running: Promise<void>[] = [];
  for (const address of addresses) {
    const one = run(address);
    running.push(one);
    await pause(one, end.signal);
    if (signal.aborted) break;
  }
  await Promise.all(running); // the winner ends the others at once
  return winner;
}

/** Waits until an attempt has failed, any has won, or the next may begin. */
function pause(attempt: Promise<void>, won: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ATTEMPT_DELAY);
    const goOn = () => {
      clearTimeout(timer);
      resolve();
    };
    attempt.then(goOn, reject);
    won.addEventListener("abort", goOn, { once: true });
  });
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
  const target = addresses[0] === bareHost(host)
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
