import { splitList } from "./_octets.ts";
import type { HeaderFields } from "./header_fields.ts";

/** What a message says of the connection it came over. */
export type Persistence = "close" | "keep-alive" | "unsaid";

/**
 * Reads the `Connection` field: what the sender wants done with the connection
 * after this exchange (RFC 9112 section 9.3).
 *
 * Options are compared whole and in any case, and `close` wins.
 * `Proxy-Connection` and a lone `Keep-Alive` mean nothing.
 *
 * @param headers The fields of a request or response.
 * @returns What was asked for, `"unsaid"` when neither option is there.
 *
 * @example Usage
 * ```ts
 * import { HeaderFields, persistence } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(
 *   persistence(new HeaderFields({ Connection: "Keep-Alive" })),
 *   "keep-alive",
 * );
 * assertEquals(
 *   persistence(new HeaderFields({ Connection: "keep-alive, close" })),
 *   "close",
 * );
 * ```
 */
export function persistence(headers: HeaderFields): Persistence {
  const value = headers.get("connection");
  if (value === null) return "unsaid";
  const options = splitList(value.toLowerCase());
  return options.includes("close")
    ? "close"
    : options.includes("keep-alive")
    ? "keep-alive"
    : "unsaid";
}
