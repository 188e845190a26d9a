import { HeaderFields } from "../../message/mod.ts";
import type { FileReader, HttpResponse } from "../http_response.ts";
import { type Absence, isSameVersion } from "./file_tree.ts";
import { evaluatePreconditions, isRangeCurrent } from "./preconditions.ts";
import { type ByteRange, parseRange } from "./range.ts";
import type { Representation } from "./representation.ts";
import type { SharedFiles } from "./shared_files.ts";

/**
 * What of a file is sent: a part of it, null for all of it, or the status of an
 * answer without it.
 */
export type Selection = ByteRange | null | 304 | 412 | 416;

/** Makes an answer without the file. */
export type Refuse = (
  status: number,
  fields?: Record<string, string>,
) => HttpResponse;

/**
 * Decides what of a file is sent: preconditions first, then the range (RFC 9110
 * section 13.2.2).
 */
export function selectPart(
  headers: HeaderFields,
  representation: Representation,
): Selection {
  const status = evaluatePreconditions(headers, representation);
  if (status !== 200) return status;
  const range = headers.get("range");
  return range === null || !isRangeCurrent(headers, representation)
    ? null
    : parseRange(range, representation.size);
}

/**
 * Answers with a file, or the part of it that the request is about.
 *
 * @param headers The fields of the request.
 * @param representation The file.
 * @param to What opens it, and what makes an answer without it.
 * @returns The answer; a number if the file is not there any more.
 */
export function respondWithFile(
  headers: HeaderFields,
  representation: Representation,
  to: { readonly files: SharedFiles; readonly refuse: Refuse },
): HttpResponse | Absence {
  const { files, refuse } = to;
  const part = selectPart(headers, representation);
  if (typeof part === "number") {
    return respondWithout(part, representation, refuse);
  }
  const { whole, source } = representation;
  if (whole !== null) {
    representation.isUsed = true;
    return part === null
      ? whole
      : respondWith(representation, part, whole.body);
  }
  const open = files.open(source);
  if (typeof open === "number") return open;
  const { file, version } = open;
  if (isSameVersion(version, source.version)) {
    return respondWith(representation, part, file);
  }
  const current = representation.reopened(version);
  const currentPart = selectPart(headers, current);
  if (typeof currentPart !== "number") {
    return respondWith(current, currentPart, file);
  }
  file.close();
  return respondWithout(currentPart, current, refuse);
}

/** Answers with a file as the page that goes with a status. */
export function respondWithPage(
  status: number,
  representation: Representation,
  files: SharedFiles,
): HttpResponse | Absence {
  const headers = new HeaderFields(representation.headers);
  for (const name of ["ETag", "Last-Modified", "Accept-Ranges"]) {
    headers.delete(name);
  }
  const { whole, source } = representation;
  if (whole !== null) return { status, headers, body: whole.body };
  const open = files.open(source);
  if (typeof open === "number") return open;
  const { file, version } = open;
  return { status, headers, body: { file, start: 0, length: version.size } };
}

function respondWithout(
  status: 304 | 412 | 416,
  { size, notModified }: Representation,
  refuse: Refuse,
): HttpResponse {
  if (status === 304) return notModified;
  if (status === 412) return refuse(412);
  return refuse(416, { "Content-Range": `bytes */${size}` });
}

function respondWith(
  { headers, size }: Representation,
  part: ByteRange | null,
  content: Uint8Array | FileReader,
): HttpResponse {
  const { start, length } = part ?? { start: 0, length: size };
  const body = content instanceof Uint8Array
    ? content.subarray(start, start + length)
    : { file: content, start, length };
  const fields = new HeaderFields(headers); // a copy: whoever gets the answer may add to it
  if (part === null) return { status: 200, headers: fields, body };
  const last = start + length - 1;
  fields.append("Content-Range", `bytes ${start}-${last}/${size}`);
  return { status: 206, headers: fields, body };
}
