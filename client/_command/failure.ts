import { drawUrlError } from "../../url/caret.ts";
import { UrlError } from "../../url/error.ts";
import { CommandError } from "./error.ts";
import { ClientError } from "../error.ts";

/** curl's code for a protocol it does not speak. */
const UNKNOWN_PROTOCOL = 1;
const MALFORMED_URL = 3;
/** What a shell tells of a program that was stopped by Ctrl-C. */
const STOPPED = 130;
/** curl's code for wrong use. */
const WRONG_USE = 2;

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
      exitCode: isUnknown ? UNKNOWN_PROTOCOL : MALFORMED_URL,
      lines: [`knock: ${error.message}`, ...drawing],
    };
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return { exitCode: STOPPED, lines: [] };
  }
  // What is an option of the module is a flag here
  const message = (error as Error).message.replace(/\bcaCerts\b/, "--cacert");
  const isKnown = error instanceof CommandError || error instanceof ClientError;
  return {
    exitCode: isKnown ? error.exitCode : WRONG_USE,
    lines: message === "" ? [] : [`knock: ${message}`],
  };
}
