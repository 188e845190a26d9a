import type { HeaderFields } from "../../message/mod.ts";
import { selectPart } from "./file_response.ts";
import type { Place } from "./locator.ts";
import type { Representation } from "./representation.ts";

/** Told one decision about a request: which one, and what was found. */
export type Explain = (step: string, finding: string) => void;

/** Tells what a path leads to. */
export function explainPlace(explain: Explain, path: string, place: Place) {
  explain("path", path);
  if (place.kind === "redirect") explain("leads to", `path ${place.path}`);
  else if (place.kind === "absent") explain("leads to", "nothing served");
  else {
    const { kind, found } = place;
    explain("leads to", `${kind} ${JSON.stringify(found.path)}`);
  }
}

/** Tells what of a file is sent, and why. */
export function explainFile(
  explain: Explain,
  headers: HeaderFields,
  representation: Representation,
) {
  const { etag, size } = representation;
  const sent = representation.headers;
  explain("type", sent.get("content-type") ?? "none");
  explain("coding", sent.get("content-encoding") ?? "none");
  explain(
    "validators",
    `${etag ?? "no tag"}, ${sent.get("last-modified") ?? "no date"}`,
  );
  const part = selectPart(headers, representation);
  if (part === null) explain("part", "whole");
  else if (typeof part === "number") explain("part", `none: ${part}`);
  else explain("part", `${part.length} of ${size} bytes from ${part.start} on`);
}
