import { EXIT, systemError } from "../../command/errors.ts";
import { LineWriter } from "../_line_writer.ts";

/** Where the command prints where it serves, the log, and explanations. */
export const stdout = new LineWriter(Deno.stdout, (error) => {
  const act = "Cannot write to stdout";
  const { message } = systemError(EXIT.failure, act, error);
  warn(`${message}; lines are lost`);
});

/** Prints a line for the user beside the output. */
export function warn(line: string): void {
  try {
    console.error(line);
  } catch {
    // The disk of stderr is full, or nobody reads it: no one is left to tell
  }
}
