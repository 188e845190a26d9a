import { CommandError, EXIT } from "../../command/errors.ts";
import { drawUrlError } from "../../url/caret.ts";
import { UrlError } from "../../url/error.ts";
import { ClientError } from "../error.ts";

/** What to tell the user of an error, and with what to end. */
export interface Failure {
  /** curl's exit code for it. */
  readonly exitCode: number;
  /** What to tell; nothing if nobody is there to read it. */
  readonly lines: readonly string[];
}

/**
 * Turns any error into an exit code and a clear line, and a wrong URL into a
 * drawing too.
 */
export function explainFailure(error: unknown): Failure {
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
