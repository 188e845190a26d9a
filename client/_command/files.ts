import { EXIT, readFile } from "../../command/errors.ts";

export { readFile, systemError as fileError } from "../../command/errors.ts";

/** The same, as text. */
export async function readTextFile(
  path: string,
  exitCode: number = EXIT.readError,
): Promise<string> {
  return new TextDecoder().decode(await readFile(path, exitCode));
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
