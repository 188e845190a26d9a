import { isBodiless } from "../../message/framing.ts";
import { HeaderFields, writeStatusLine } from "../../message/mod.ts";

/** What a head says, apart from the fields that the handler gave. */
export interface HeadInit {
  /** The status code. */
  readonly status: number;
  /** The reason phrase; undefined for the registered one. */
  readonly reason?: string | undefined;
  /** The Date field; null if the handler gave one. */
  readonly date: string | null;
  /** Whether the connection is kept. */
  readonly keepAlive: boolean;
  /** The length of the body; null if it is not known. */
  readonly length: number | null;
}

/**
 * Fields that only the server can set: they tell where the body ends, and what
 * becomes of the connection.
 */
const OWN_FIELDS = [
  "connection",
  "keep-alive",
  "content-length",
  "transfer-encoding",
];
const OWN_FIELDS_AND_DATE = [...OWN_FIELDS, "date"];

/** Writes a head: the server's own fields, then the others of the handler. */
export function writeHead(
  { status, reason, date, keepAlive, length }: HeadInit,
  given: HeaderFields,
): string {
  if (!(status >= 200)) {
    throw new RangeError(
      `Cannot respond with status ${status}: expected 200 to 999`,
    );
  }
  const others = without(
    given,
    date === null ? OWN_FIELDS : OWN_FIELDS_AND_DATE,
  );
  let head = writeStatusLine(status, reason);
  if (date !== null) head += `Date: ${date}\r\n`;
  head += keepAlive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  const hasLength = length !== null && !isBodiless(status);
  if (hasLength) head += `Content-Length: ${length}\r\n`;
  return `${head}${others}\r\n`;
}

function without(
  given: HeaderFields,
  names: readonly string[],
): HeaderFields {
  if (!names.some((name) => given.has(name))) return given;
  const others = new HeaderFields(given);
  for (const name of names) others.delete(name);
  return others;
}
