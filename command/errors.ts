import { quote } from "./quote.ts";

/**
 * The exit codes of the commands, which are curl's where curl has one. The
 * server's command uses `failure` and `usage` only.
 */
export const EXIT = {
  /** A failure that has no code of its own. */
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
  /** The server does not send the part that was asked for. */
  rangeError: 33,
  /** A malformed rule of `--resolve` or `--connect-to`. */
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

/** An error that ends a command; its message is all that the user needs. */
export class CommandError extends Error {
  /** The name of this class of errors. */
  override readonly name = "CommandError";
  /** The exit code of the command. */
  readonly exitCode: number;

  /**
   * Creates an error. If its message is empty, the command ends silently.
   *
   * @param exitCode One of {@linkcode EXIT}.
   * @param message What was tried, the quoted value, and its state.
   * @param options The cause.
   */
  constructor(exitCode: number, message: string, options: ErrorOptions = {}) {
    super(message, options);
    this.exitCode = exitCode;
  }
}

/** Creates the error for a mistake in the arguments. */
export function usageError(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}

/** Creates the error for a failure that has no exit code of its own. */
export function failure(message: string): CommandError {
  return new CommandError(EXIT.failure, message);
}

/** Plain words for common errors of the system. */
const REASONS = [
  [Deno.errors.NotFound, "no such file or directory"],
  [Deno.errors.PermissionDenied, "permission denied"],
  [Deno.errors.IsADirectory, "it is a folder"],
  [Deno.errors.NotADirectory, "a file is where its folder should be"],
  [Deno.errors.AlreadyExists, "it exists already; -o NAME would replace it"],
  [Deno.errors.AddrInUse, "the port is in use"],
  [Deno.errors.AddrNotAvailable, "this machine has no such address"],
] as const;

/**
 * Turns an error of the system into one with a message of one line.
 *
 * @param exitCode One of {@linkcode EXIT}.
 * @param act What was tried, such as `Cannot read "a.txt"`.
 * @param error What was thrown; a {@linkcode CommandError} is not changed.
 * @returns The error to throw.
 */
export function systemError(
  exitCode: number,
  act: string,
  error: unknown,
): CommandError {
  if (error instanceof CommandError) return error;
  const [, known] = REASONS.find(([type]) => error instanceof type) ?? [];
  const state = known ?? (error as Error).message.split(/ \(os error |\n/)[0]!;
  // An error of the module already says what was tried
  const message = state.startsWith("Cannot ") ? state : `${act}: ${state}`;
  return new CommandError(exitCode, message, { cause: error });
}

/**
 * Runs a function whose errors are turned into a {@linkcode CommandError}.
 *
 * @param act What is tried, such as `Cannot read "a.txt"`.
 * @param run The function.
 * @param exitCode One of {@linkcode EXIT}.
 * @returns What the function returns.
 * @throws {CommandError} If the function throws.
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
 * @param exitCode The exit code if it cannot be read.
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

/** Reads a file that the user named as UTF-8; see {@linkcode readFile}. */
export async function readText(path: string, exitCode: number) {
  return new TextDecoder().decode(await readFile(path, exitCode));
}

/** Runs an operation on a file. Returns null if the file does not exist. */
export function ifExists<T>(act: () => T): T | null {
  try {
    return act();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
