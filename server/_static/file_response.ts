import { HeaderFields } from "../../message/mod.ts";
import type { HttpResponse } from "../http_response.ts";
import type { Absence } from "./file_tree.ts";
import { isSameVersion, openFound } from "./open_file.ts";
import { evaluatePreconditions, isRangeCurrent } from "./preconditions.ts";
import { type ByteRange, parseRange } from "./range.ts";
import type { Representation } from "./representation.ts";

/** What of a file is sent. */
export type Selection =
  | "whole"
  | "not modified"
  | "precondition failed"
  | "range not satisfiable"
  | ByteRange;

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
  if (status === 304) return "not modified";
  if (status === 412) return "precondition failed";
  const range = headers.get("range");
  if (range === null || !isRangeCurrent(headers, representation)) {
    return "whole";
  }
  const part = parseRange(range, representation.size);
  return part === "unsatisfiable" ? "range not satisfiable" : part ?? "whole";
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
  to: {
    readonly file: Deno.FsFile | null;
    readonly refuse: Refuse;
  },
): HttpResponse {
  const selection = selectPart(headers, representation);
  if (selection === "not modified") return representation.notModified;
  if (selection === "precondition failed") {
    return to.refuse(412);
  }
  const { size, bytes } = representation;
  if (selection === "range not satisfiable") {
    return to.refuse(416, { "Content-Range": `bytes */${size}` });
  }
  if (selection === "whole" && representation.whole !== null) {
    return representation.whole;
  }
  const { start, length } = selection === "whole"
    ? { start: 0, length: size }
    : selection;
  const body = to.file === null
    ? bytes!.subarray(start, start + length)
    : { file: to.file, start, length };
  if (selection === "whole") {
    return { status: 200, headers: representation.headers, body };
  }
  const fields = new HeaderFields(representation.headers);
  const last = start + length - 1;
  fields.append("Content-Range", `bytes ${start}-${last}/${size}`);
  return { status: 206, headers: fields, body };
}
