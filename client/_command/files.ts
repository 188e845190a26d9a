import { CommandError } from "./error.ts";

/**
 * Reads a file that the user named.
 *
 * @throws {CommandError} If it cannot be read.
 */
export async function readFile(
  path: string,
  exitCode = 26,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    throw fileError(exitCode, `Cannot read "${path}"`, error);
  }
}

/** The same, as text. */
export async function readTextFile(
  path: string,
  exitCode = 26,
): Promise<string> {
  return new TextDecoder().decode(await readFile(path, exitCode));
}

/** Says in words why something could not be done with a file. */
export function fileError(
  exitCode: number,
  act: string,
  error: unknown,
): CommandError {
  if (error instanceof CommandError) return error;
  const state = error instanceof Deno.errors.NotFound
    ? "no such file or folder"
    : error instanceof Deno.errors.PermissionDenied
    ? "the system does not allow it"
    : error instanceof Deno.errors.IsADirectory
    ? "it is a folder"
    : error instanceof Deno.errors.AlreadyExists
    ? "there is one already; -o NAME would replace it"
    : (error as Error).message;
  return new CommandError(exitCode, `${act}: ${state}`);
}

/**
 * Reads an environment variable if that is allowed already, without asking for
 * it.
 */
export async function readVariable(name: string): Promise<string | undefined> {
  const { state } = await Deno.permissions.query({
    name: "env",
    variable: name,
  });
  return state === "granted" ? Deno.env.get(name) : undefined;
}
