import { CommandError, EXIT } from "../../command/errors.ts";
import { drawUrlError } from "../../url/caret.ts";
import { UrlError } from "../../url/error.ts";
import { ClientError } from "../error.ts";

/**
 * Turns any error into an exit code and a clear line, and a wrong URL into a
 * drawing too.
 *
 * @param error What was thrown.
 * @returns curl's exit code, and what to tell; nothing if nobody is there to
 *   read it.
 */
export function explainFailure(
  error: unknown,
): { exitCode: number; lines: string[] } {
  if (error instanceof UrlError) {
    const isUnknown = error.code === "unknown-protocol";
    const drawing = drawUrlError(error).split("\n").map((line) => `  ${line}`);
    return {
      exitCode: isUnknown ? EXIT.unknownProtocol : EXIT.malformedUrl,
      lines: [`knock: ${error.message}`, ...drawing],
    };
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return { exitCode: EXIT.interrupted, lines: [] };
  }
  // What is an option of the module is a flag here
  const message = (error as Error).message.replace(/\bcaCerts\b/, "--cacert");
  const isKnown = error instanceof CommandError || error instanceof ClientError;
  return {
    exitCode: isKnown ? error.exitCode : EXIT.usage,
    lines: message === "" ? [] : [`knock: ${message}`],
  };
}
