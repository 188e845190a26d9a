import { quote } from "./quote.ts";

/**
 * What the commands end with: curl's numbers, where curl has one. The server's
 * command has `failure` and `usage` only.
 */
export const EXIT = {
  /** It could not be done. */
  failure: 1,
  /** A URL of a protocol other than http and https. */
  unknownProtocol: 1,
  /** A mistake in the arguments. */
  usage: 2,
  /** A URL that cannot be parsed. */
  malformedUrl: 3,
  /** A status of 400 or more, with `--fail`. */
  httpError: 22,
  /** Stdout or a file cannot be written. */
  writeError: 23,
  /** A file cannot be read. */
  readError: 26,
  /** A transfer that is too slow. */
  timeout: 28,
  /** The server does not send the part that was asked for. */
  rangeError: 33,
  /** A rule about hosts that is none. */
  wrongRule: 49,
  /** The client's own certificate cannot be read. */
  clientCertificate: 58,
  /** A body longer than `--max-filesize`. */
  tooLarge: 63,
  /** A user in a URL, with `--disallow-username-in-url`. */
  loginDenied: 67,
  /** The certificates to trust cannot be read. */
  caCertificates: 77,
  /** What a shell reports for a program stopped by Ctrl-C. */
  interrupted: 130,
} as const;

/** A command cannot go on; the message is all that the user needs to know. */
export class CommandError extends Error {
  /** The name of this class of errors. */
  override readonly name = "CommandError";
  /** What the command ends with. */
  readonly exitCode: number;

  /**
   * Makes an error; an empty message ends the command without a word.
   *
   * @param exitCode One of {@linkcode EXIT}.
   * @param message What was tried, the quoted value, and its state.
   * @param options What caused it.
   */
  constructor(exitCode: number, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Makes the error for a mistake in the arguments. */
export function usageError(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}

/** What the common errors of the system mean to people. */
const REASONS = [
  [Deno.errors.NotFound, "no such file or directory"],
  [Deno.errors.PermissionDenied, "permission denied"],
  [Deno.errors.IsADirectory, "it is a folder"],
  [Deno.errors.NotADirectory, "a file is in the place of its folder"],
  [Deno.errors.AlreadyExists, "there is one already; -o NAME would replace it"],
  [Deno.errors.AddrInUse, "the port is in use"],
  [Deno.errors.AddrNotAvailable, "this machine has no such address"],
] as const;

/**
 * Tells in one line what the system refused to do.
 *
 * @param exitCode One of {@linkcode EXIT}.
 * @param act What was tried, such as `Cannot read "a.txt"`.
 * @param error What was thrown; a {@linkcode CommandError} stays as it is.
 * @returns The error to throw.
 */
export function systemError(
  exitCode: number,
  act: string,
  error: unknown,
): CommandError {
  if (error instanceof CommandError) return error;
  const known = REASONS.find(([type]) => error instanceof type);
  const reason = known?.[1] ?? (error as Error).message.split("\n")[0]!;
  // An error of the module says itself what was tried
  const message = reason.startsWith("Cannot ") ? reason : `${act}: ${reason}`;
  return new CommandError(exitCode, message, { cause: error });
}

/**
 * Runs what the system may refuse to do.
 *
 * @param act What is tried, such as `Cannot read "a.txt"`.
 * @param run Does it.
 * @param exitCode One of {@linkcode EXIT}.
 * @returns What it returns.
 * @throws {CommandError} If it throws.
 */
export function attempt<T>(
  act: string,
  run: () => T,
  exitCode: number = EXIT.failure,
): T {
  try {
    return run();
  } catch (error) {
    throw systemError(exitCode, act, error);
  }
}

/**
 * Reads a file that the user named.
 *
 * @param path The file.
 * @param exitCode What the command ends with if it cannot be read.
 * @returns Its bytes.
 * @throws {CommandError} If it cannot be read.
 */
export async function readFile(
  path: string,
  exitCode: number = EXIT.readError,
): Promise<Uint8Array<ArrayBuffer>> {
  return await Deno.readFile(path).catch((error) => {
    throw systemError(exitCode, `Cannot read ${quote(path)}`, error);
  });
}
