import { maskedUrl } from "../../command/quote.ts";
import { CommandError, EXIT } from "../../command/errors.ts";
import { drawUrlError, UrlError } from "../../url/error.ts";
import { ClientError } from "../error.ts";

/** How the command ends. */
export interface Failure {
  /** curl's exit code. */
  readonly exitCode: number;
  /** The lines to print; none after an abort, or if nobody reads stdout. */
  readonly lines: readonly string[];
}

/** Returns what went wrong, in one line; `""` if nothing is to be told. */
export function messageOf({ lines: [line = ""] }: Failure): string {
  return line.replace(/^knock: /, "");
}

/**
 * Turns an error into an exit code and a clear line. A wrong URL is drawn too.
 *
 * @param error What was thrown.
 */
export function explainFailure(error: unknown): Failure {
  if (error instanceof UrlError) {
    const isUnknown = error.code === "unknown-protocol";
    const input = maskedUrl(error.input);
    const { length: index } = maskedUrl(error.input.slice(0, error.index));
    const drawing = drawUrlError({ ...error, input, index }).split("\n")
      .map((line) => `  ${line}`);
    const exitCode = isUnknown ? EXIT.unknownProtocol : EXIT.malformedUrl;
    return { exitCode, lines: [`knock: ${error.message}`, ...drawing] };
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return { exitCode: EXIT.interrupted, lines: [] };
  }
  const message = nameFlags((error as Error).message);
  const isKnown = error instanceof CommandError || error instanceof ClientError;
  return {
    exitCode: isKnown ? error.exitCode : EXIT.usage,
    lines: message === "" ? [] : [`knock: ${message}`, ...adviceFor(error)],
  };
}

/**
 * Replaces the name of the module's option in a message with that of the flag.
 *
 * @param message The message of an error or a trace event.
 */
export function nameFlags(message: string): string {
  return message.replace(/\bcaCerts\b/, "--cacert");
}

/** What TLS reports for typical self-made certificates. */
const SELF_MADE_REGEXP = /CaUsedAs|CertVersion|not valid for any names/;

/** Tells how to make certificates, if all clients reject those of a server. */
function adviceFor(error: unknown): string[] {
  if (!(error instanceof ClientError)) return [];
  if (!SELF_MADE_REGEXP.test(error.message)) return [];
  const name = error.host!.replace(/[[\]]/g, "");
  const kind = /^[\d.]+$|:/.test(name) ? "IP" : "DNS";
  const command = "  openssl req -x509 -newkey rsa:2048 -nodes -days 365";
  return [
    `${command} -subj /CN=dev-CA -keyout ca.key -out ca.pem`,
    `${command} -subj /CN=${name} -addext subjectAltName=${kind}:${name} -addext basicConstraints=critical,CA:FALSE -CA ca.pem -CAkey ca.key -keyout key.pem -out cert.pem`,
    "then give cert.pem and key.pem to the server, and use --cacert ca.pem",
  ];
}
