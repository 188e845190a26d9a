import type { Blocks } from "./blocks.ts";
import type { Clock } from "./clock.ts";
import type { HeadDecoder } from "./head_decoder.ts";
import type { HostGuard } from "./host_guard.ts";
import type { AccessLogEntry } from "../access_log.ts";
import type { Handler } from "../handler.ts";
import type { ServerLimits } from "../limits.ts";

/** What all connections of a server share. */
export interface ServerContext {
  readonly handler: Handler;
  readonly limits: Required<ServerLimits>;
  readonly clock: Clock;
  readonly blocks: Blocks;
  readonly heads: HeadDecoder;
  readonly guard: HostGuard;
  readonly protocol: "http" | "https";
  /** Host and port for URLs of requests that name none. */
  readonly authority: string;
  readonly keepAlive: boolean;
  readonly log: ((entry: AccessLogEntry) => void) | null;
  readonly onError: (error: unknown) => void;
}
