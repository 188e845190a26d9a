// Checks one response before each load, so that no server is measured while it
// sends errors.

import { Fault } from "./_measure.ts";
import type { SiteFile } from "./_site.ts";

/** What a response should be, if it is not the whole file. */
export interface Expectation {
  readonly status: number;
  /** The index of the first byte, and how many there are. */
  readonly part?: readonly [start: number, count: number];
  /** The fields of the request. */
  readonly fields?: readonly string[];
}

const VERIFY_TIMEOUT_MS = 30_000;

/**
 * Requests a file, or a part of it, and compares status, length and bytes.
 *
 * @throws {Fault} If they are not as expected.
 */
export async function verify(
  origin: string,
  file: SiteFile,
  { status, part = [0, file.size], fields = [] }: Expectation = { status: 200 },
): Promise<void> {
  const response = await ask(origin, file, fields);
  if (response.status !== status) {
    await response.body?.cancel();
    throw new Fault(`answers ${response.status}, not ${status}`);
  }
  const [first, count] = part;
  let received = 0;
  for await (const bytes of response.body ?? []) {
    const expected = file.bytes(first + received, bytes.length);
    received += bytes.length;
    if (received > count || !isEqual(bytes, expected)) {
      throw new Fault("sends other bytes");
    }
  }
  if (received !== count) {
    throw new Fault(`sends ${received} bytes, not ${count}`);
  }
}

/**
 * Makes the field that requests a file only if it has changed: with its ETag,
 * or with its date if it has none.
 */
export async function conditionFor(
  origin: string,
  file: SiteFile,
): Promise<string> {
  const { headers, body } = await ask(origin, file);
  await body?.cancel();
  const etag = headers.get("etag");
  if (etag !== null) return `If-None-Match: ${etag}`;
  const date = headers.get("last-modified");
  if (date !== null) return `If-Modified-Since: ${date}`;
  throw new Fault("sends neither ETag nor Last-Modified");
}

async function ask(
  origin: string,
  file: SiteFile,
  fields: readonly string[] = [],
): Promise<Response> {
  const headers = new Headers({ "Accept-Encoding": "identity" });
  for (const field of fields) {
    const [name = "", value = ""] = field.split(": ");
    headers.set(name, value);
  }
  try {
    return await fetch(origin + file.path, {
      headers,
      redirect: "manual",
      signal: AbortSignal.timeout(VERIFY_TIMEOUT_MS),
    });
  } catch (error) {
    // For example, the server may have crashed under an earlier load
    throw new Fault("no longer answers", { cause: error });
  }
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
