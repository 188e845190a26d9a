// http-parser-js, the request parser that Node once had. Only the benchmark
// needs it, so the project does not import it.

import { Buffer } from "node:buffer";
import type { Missing } from "../_measure.ts";

const PACKAGE = "npm:http-parser-js@^0.5.10";
const NAME = "http-parser-js";

interface HeadInfo {
  readonly url: string;
  /** Names and values, alternating. */
  readonly headers: readonly string[];
}

interface Parser {
  onHeadersComplete: ((info: HeadInfo) => void) | null;
  initialize(kind: string): void;
  execute(bytes: Buffer): number | Error;
}

interface ParserModule {
  readonly HTTPParser: (new (kind: string) => Parser) & {
    readonly REQUEST: string;
  };
}

/** The parser, ready to be measured. */
export interface HttpParser {
  /** Converts bytes to its input. */
  prepare(head: Uint8Array): Buffer;
  /**
   * Parses a head, looks up its Host, and returns the sum of the lengths of
   * Host and target.
   */
  parse(head: Buffer): number;
}

/** Loads the parser. */
export async function loadHttpParser(): Promise<HttpParser | Missing> {
  let loaded: ParserModule;
  try {
    loaded = await import(PACKAGE);
  } catch (error) {
    return { name: NAME, reason: `cannot be loaded: ${firstLine(error)}` };
  }
  const { HTTPParser } = loaded;
  const parser = new HTTPParser(HTTPParser.REQUEST);
  let found = 0;
  const onHead = ({ url, headers }: HeadInfo) => {
    const index = headers.findIndex((text, i) =>
      i % 2 === 0 && text.toLowerCase() === "host"
    );
    found = url.length + headers[index + 1]!.length;
  };
  return {
    prepare: (head) => Buffer.from(head),
    parse(head) {
      found = 0;
      parser.initialize(HTTPParser.REQUEST);
      parser.onHeadersComplete = onHead;
      const result = parser.execute(head);
      if (found === 0) throw new Error(`Cannot parse: ${result}`);
      return found;
    },
  };
}

function firstLine(error: unknown): string {
  return String(error).split("\n")[0]!;
}
