import type {
  ResponseHead,
  ResponseHeadParser,
} from "../../message/response_head.ts";
import { MessageError } from "../../message/error.ts";
import { type Connection, whyBroken } from "../_connect/connection.ts";
import type { ClientError } from "../error.ts";

/**
 * The record types that TLS begins with: alert and handshake (RFC 8446 section
 * 5.1).
 */
const TLS_RECORDS = [0x15, 0x16];

/**
 * Reads one head. What follows it stays in the connection's buffer.
 *
 * @returns The head; null when the other side has ended before a byte of it.
 * @throws {ClientError} If it is no head, or the connection ends within it.
 */
export async function readHead(
  connection: Connection,
  parser: ResponseHeadParser,
): Promise<ResponseHead | null> {
  try {
    for (;;) {
      const { buffer, start, end } = connection;
      const head = parser.parse(buffer, start, end);
      if (head !== null) {
        connection.start += head.size;
        return head;
      }
      if (!await connection.fill()) break;
    }
  } catch (error) {
    throw headError(connection, error);
  }
  const received = connection.end - connection.start;
  if (received === 0) return null;
  throw connection.error(
    "truncated",
    `Cannot read answer: it ends within its head, after ${received} bytes`,
  );
}

function headError(
  connection: Connection,
  error: unknown,
): ClientError {
  if (error instanceof MessageError) {
    const code = error.code === "too-large" || error.code === "target-too-long"
      ? "head-too-large"
      : "malformed";
    const isTls = TLS_RECORDS.includes(connection.buffer[connection.start]!);
    const hint = isTls
      ? "; it looks like TLS: maybe the URL has to begin with https:"
      : "";
    return connection.error(code, error.message + hint, error);
  }
  return connection.error(
    "reset",
    `Cannot read answer: ${whyBroken(error)}`,
    error,
  );
}
