import { PATH_SET } from "./percent.ts";

const DOT_SEGMENT_REGEXP = /\/(?:\.|%2[Ee])/;
const DOTS_REGEXP = /^(?:\.|%2e){1,2}$/i;
const UP_REGEXP = /^(?:\.|%2e){2}$/i;

/**
 * Normalizes a path: backslashes become slashes, dot segments are followed,
 * and what may not stand in a path is percent-encoded (URL standard 4.4,
 * "path state").
 */
export function normalizePath(text: string): string {
  const slashed = text.includes("\\") ? text.replaceAll("\\", "/") : text;
  const path = PATH_SET.encode(
    slashed.startsWith("/") ? slashed : `/${slashed}`,
  );
  return DOT_SEGMENT_REGEXP.test(path) ? removeDotSegments(path) : path;
}

function removeDotSegments(path: string): string {
  const kept: string[] = [];
  for (let start = 1, end; start <= path.length; start = end + 1) {
    const slash = path.indexOf("/", start);
    end = slash === -1 ? path.length : slash;
    const segment = path.slice(start, end);
    const isDots = DOTS_REGEXP.test(segment);
    if (!isDots) kept.push(segment);
    else if (UP_REGEXP.test(segment)) kept.pop();
    // "/a/." and "/a/b/.." name the directory "/a/".
    if (isDots && slash === -1) kept.push("");
  }
  return `/${kept.join("/")}`;
}
