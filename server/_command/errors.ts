/**
 * Why the command cannot do what it was asked to; its message is all there is
 * to say.
 */
export class CommandError extends Error {
  /** The name of this class of errors. */
  override readonly name: string = "CommandError";
  /** The exit code of the command. */
  readonly exitCode: number = 1;
}

/** A mistake in the arguments. */
export class UsageError extends CommandError {
  /** The name of this class of errors. */
  override readonly name = "UsageError";
  /** The exit code of the command. */
  override readonly exitCode = 2;
}

/**
 * Runs something whose errors of the system are to be told in one line, which
 * begins with `act`.
 */
export function attempt<T>(act: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new CommandError(`${act}: ${reasonOf(error)}`, { cause: error });
  }
}

function reasonOf(error: Error): string {
  const { errors } = Deno;
  if (error instanceof errors.NotFound) return "no such file or directory";
  if (error instanceof errors.PermissionDenied) return "permission denied";
  if (error instanceof errors.AddrInUse) return "the port is in use";
  if (error instanceof errors.AddrNotAvailable) {
    return "this machine has no such address";
  }
  return error.message.split("\n")[0]!;
}

/** A text in quotes, with nothing in it that a terminal would act on. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\x7f-\x9f]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
