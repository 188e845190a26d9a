import { parseHttpDate } from "../../message/field_values.ts";
import type { HeaderFields } from "../../message/header_fields.ts";
import type { HttpClientResponse } from "../response.ts";
import type { Options } from "./options.ts";

/** When a resource was last changed, also by a wrong weekday; or NaN. */
export function dateOf(headers: HeaderFields): number {
  const text = headers.get("last-modified") ?? "";
  return parseHttpDate(text) ?? Date.parse(text);
}

/**
 * Whether what is there is as the server has it: it says so, or `-z` does by
 * the date of a whole response.
 */
export function isUnmodified(
  { status, headers }: Pick<HttpClientResponse, "status" | "headers">,
  options: Options,
): boolean {
  const [name, date] = options["time-cond"] ?? [];
  if (status !== 200 || date === undefined) return status === 304;
  return name === "If-Modified-Since"
    ? dateOf(headers) <= Date.parse(date)
    : dateOf(headers) > Date.parse(date);
}
