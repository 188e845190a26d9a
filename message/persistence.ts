import { splitList } from "./_octets.ts";
import type { HeaderFields } from "./header_fields.ts";

/**
 * What is to become of the connection after this exchange.
 *
 * - `"keep-alive"`: kept, because the message asks for it
 * - `"close"`: closed, because the message asks for it
 * - `"implicit"`: the message does not say, so its version decides: HTTP/1.0
 *   closes, HTTP/1.1 keeps
 */
export type Persistence = "keep-alive" | "implicit" | "close";

/**
 * Reads the `Connection` field: what the sender wants done with the connection
 * after this exchange (RFC 9112 section 9.3).
 *
 * Options are compared whole, in any case, and `close` wins over `keep-alive`.
 * `Proxy-Connection` and a `Keep-Alive` field of its own do not count.
 *
 * @param headers The fields of a request or response.
 * @returns What was asked for; `"implicit"` when neither option is there.
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
  if (value === null) return "implicit";
  const options = splitList(value.toLowerCase());
  return options.includes("close")
    ? "close"
    : options.includes("keep-alive")
    ? "keep-alive"
    : "implicit";
}
