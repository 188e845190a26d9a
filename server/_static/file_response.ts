import { HeaderFields } from "../../message/mod.ts";
import type { HttpResponse } from "../http_response.ts";
import type { Absence } from "./file_tree.ts";
import { isSameVersion } from "./file_tree.ts";
import { openFound } from "./open_file.ts";
import { evaluatePreconditions, isRangeCurrent } from "./preconditions.ts";
import { type ByteRange, parseRange } from "./range.ts";
import type { Representation } from "./representation.ts";

/** What of a file is sent: a part of it, null for all of it, or the status of an answer without it. */
export type Selection = ByteRange | null | 304 | 412 | 416;

/** Makes an answer without the file. */
export type Refuse = (
  status: number,
  fields?: Record<string, string>,
) => HttpResponse;

/** Decides what of a file is sent: preconditions first, then the range (RFC 9110 section 13.2.2). */
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
 * @param refuse Makes an answer without the file.
 * @returns The answer; a number if the file is not there any more.
 */
export function respondWithFile(
  headers: HeaderFields,
  representation: Representation,
  refuse: Refuse,
): HttpResponse | Absence {
  if (representation.bytes !== null) {
    return respond(headers, representation, { file: null, refuse });
  }
  const open = openFound(representation.source);
  if (typeof open === "number") return open;
  const { file, info } = open;
  const current = isSameVersion(info, representation.source.info)
    ? representation
    : representation.reopened(info);
  const response = respond(headers, current, { file, refuse });
  const { body } = response;
  if (!(body instanceof Object && "file" in body)) file.close();
  return response;
}

/** Answers with a file as the page that goes with a status. */
export function respondWithPage(
  status: number,
  representation: Representation,
): HttpResponse | Absence {
  const headers = new HeaderFields(representation.headers);
  for (const name of ["ETag", "Last-Modified", "Accept-Ranges"]) {
    headers.delete(name);
  }
  const { bytes, source } = representation;
  if (bytes !== null) return { status, headers, body: bytes };
  const open = openFound(source);
  if (typeof open === "number") return open;
  const { file, info } = open;
  return { status, headers, body: { file, start: 0, length: info.size } };
}

function respond(
  headers: HeaderFields,
  representation: Representation,
  to: { readonly file: Deno.FsFile | null; readonly refuse: Refuse },
): HttpResponse {
  const part = selectPart(headers, representation);
  const { size, bytes, whole } = representation;
  if (part === 304) return representation.notModified;
  if (part === 412) return to.refuse(412);
  if (part === 416) {
    return to.refuse(416, { "Content-Range": `bytes */${size}` });
  }
  if (part === null && whole !== null) return whole;
  const { start, length } = part ?? { start: 0, length: size };
  const body = to.file === null
    ? bytes!.subarray(start, start + length)
    : { file: to.file, start, length };
  const fields = new HeaderFields(representation.headers);
  if (part === null) return { status: 200, headers: fields, body };
  const last = start + length - 1;
  fields.append("Content-Range", `bytes ${start}-${last}/${size}`);
  return { status: 206, headers: fields, body };
}
