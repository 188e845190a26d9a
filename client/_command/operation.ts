import type { CommandBody } from "./body.ts";
import type { InputContext } from "./input.ts";
import type { Options } from "./options.ts";
import type { Output } from "./output.ts";
import type { Progress } from "./progress.ts";
import type { Client } from "../client.ts";
import type { ClientOptions } from "../options.ts";

/** What the transfers between two `--next` share. */
export interface Operation {
  /** What the user asked for. */
  readonly options: Options;
  /** How to reach hosts. */
  readonly reach: ClientOptions;
  /** What is sent to URLs without a file of `-T`. */
  readonly body: CommandBody;
  /** What is added to the queries of URLs. */
  readonly queries: readonly string[];
  /** What to write after each transfer; null for nothing. */
  readonly format: string | null;
}

/** What the transfers of one command line share, and those of an operation. */
export interface TransferContext extends Operation, InputContext {
  /** Sends the requests. */
  readonly client: Client;
  /** Where to write. */
  readonly output: Output;
  /** Shows how much has been received. */
  readonly progress: Progress;
}

/** One URL, what is sent to it, and where the body of the response goes. */
export interface Transfer {
  /** The URL to request, as the user wrote it. */
  readonly url: string;
  /** Which of the URLs of the operation it is, from 0. */
  readonly number: number;
  /** The file of `-T`; `""` for none. */
  readonly upload: string;
  /**
   * The name of a file, `""` for the name in the URL; null for stdout, and `-`
   * for stdout even if it is a terminal and the body is not text.
   */
  readonly output: string | null;
}

/** Whether the body of the response goes to stdout. */
export function usesStdout({ output }: Transfer): boolean {
  return output === null || output === "-";
}
