import { ClientError } from "../error.ts";
import { bareHost } from "../resolve.ts";
import { writeAddress } from "./connection.ts";
import { type Attempt, type Closable, pause } from "./deadline.ts";

/**
 * Milliseconds after which the next address is tried as well (RFC 8305 section
 * 5).
 */
const ATTEMPT_DELAY = 250;

/** An address that was not connected to. */
interface Failure {
  readonly address: string;
  readonly reason: string;
  readonly error: unknown;
}

/**
 * Connects to the address that is fastest (Happy Eyeballs, RFC 8305): the next
 * one is tried when one fails or takes too long, and the losers are closed.
 *
 * @param addresses The addresses in the order in which to try them.
 */
export async function connectFirst(
  addresses: readonly string[],
  attempt: Attempt,
): Promise<Deno.TcpConn> {
  const { deadline } = attempt;
  const race = deadline.closes = new Race(addresses, attempt);
  const socket = await race.run();
  if (socket !== null) return socket;
  deadline.signal.throwIfAborted();
  throw connectError(addresses, race.failures, attempt);
}

class Race implements Closable {
  readonly failures: Failure[] = [];
  readonly #addresses: readonly string[];
  readonly #attempt: Attempt;
  /** Aborts when one has won, or there is no time left. */
  readonly #end = new AbortController();
  #winner: Deno.TcpConn | null = null;

  constructor(addresses: readonly string[], attempt: Attempt) {
    this.#addresses = addresses;
    this.#attempt = attempt;
    // Deno.connect asks this last, and then forgets a socket that it has just
    // connected, which would never be closed. So it is told of no abort there,
    // and a late socket comes here
    this.#end.signal.throwIfAborted = () => {};
  }

  close(): void {
    this.#end.abort();
  }

  async run(): Promise<Deno.TcpConn | null> {
    const addresses = this.#addresses;
    const running: Promise<void>[] = [];
    const { signal } = this.#end;
    for (const address of addresses) {
      const one = this.#connect(address);
      running.push(one);
      if (running.length < addresses.length) {
        // Until it has failed, any has won, or the next may begin
        const pausing = pause(ATTEMPT_DELAY, signal).catch(() => {});
        await Promise.race([one, pausing]);
      }
      if (signal.aborted) break;
    }
    await Promise.all(running); // the winner ends the others at once
    if (this.#winner === null) this.close(); // and with it the pauses
    return this.#winner;
  }

  async #connect(hostname: string): Promise<void> {
    const { emit, route } = this.#attempt;
    const { port } = route.proxy ?? route;
    const address = writeAddress(hostname, port);
    emit?.({ type: "connecting", address });
    try {
      const { signal } = this.#end;
      const socket = await Deno.connect({ hostname, port, signal });
      if (signal.aborted) return socket.close();
      this.#winner = socket;
      // Costs a good part of what it takes to connect
      if (this.#addresses.length > 1) this.close();
    } catch (error) {
      if (error instanceof Deno.errors.NotCapable) throw error;
      const reason = this.#winner !== null
        ? "another address was faster"
        : this.#end.signal.aborted
        ? "given up"
        : describeConnectError(error, port);
      emit?.({ type: "connect-failed", address, reason });
      this.failures.push({ address, reason, error });
    }
  }
}

/** The system's codes, and what they mean. */
const CONNECT_FAULTS: Readonly<Record<string, string>> = {
  EHOSTUNREACH: "unreachable: the host is down, or there is no way to it",
  ENETUNREACH: "unreachable: this machine has no way to its network",
  EADDRNOTAVAIL: "unreachable: this machine has no way to its network",
  ETIMEDOUT:
    "no answer: the host is down, or something on the way drops what is sent",
  ECONNRESET: "reset before the connection was made",
};

/** Says in words why an address could not be connected to. */
export function describeConnectError(error: unknown, port: number): string {
  const { code = "", message } = error as { code?: string; message: string };
  return code === "ECONNREFUSED"
    ? `refused: the host is up, nothing listens on port ${port}`
    : CONNECT_FAULTS[code] ?? message;
}

function connectError(
  addresses: readonly string[],
  failures: readonly Failure[],
  { route }: Attempt,
): ClientError {
  const { host, port } = route.proxy ?? route;
  const [first, ...others] = addresses;
  const target = first === bareHost(host)
    ? `${host}:${port}`
    : `${host}:${port} (${addresses.join(", ")})`;
  const reasons = new Set(failures.map(({ reason }) => reason));
  const why = reasons.size === 1
    ? [...reasons].join()
    : failures.map(({ address, reason }) => `${address} ${reason}`).join("; ");
  const errors = failures.map(({ error }) => error);
  const isRefused = errors.some((error) =>
    error instanceof Deno.errors.ConnectionRefused
  );
  return new ClientError(`Cannot connect to ${target}: ${why}`, {
    code: isRefused ? "refused" : "unreachable",
    step: "connect",
    host,
    port,
    address: others.length === 0 ? first! : null,
    cause: errors.length === 1 ? errors[0] : new AggregateError(errors),
  });
}
