import { encodePath } from "./percent.ts";

const DOT_REGEXP = /^(?:\.|%2e)$/i;
const DOT_DOT_REGEXP = /^(?:\.|%2e){2}$/i;
const DOTS_REGEXP = /\/(?:\.|%2e)/i;

/**
 * Normalizes a path: backslashes become slashes, dot segments are followed,
 * and what may not stand in it is percent-encoded (URL standard 4.4, "path state").
 */
export function normalizePath(text: string): string {
  const slashed = text.replaceAll("\\", "/");
  const path = encodePath(slashed.startsWith("/") ? slashed : `/${slashed}`);
  return DOTS_REGEXP.test(path) ? removeDotSegments(path) : path;
}

function removeDotSegments(path: string): string {
  const kept: string[] = [];
  const segments = path.slice(1).split("/");
  segments.forEach((segment, i) => {
    const isUp = DOT_DOT_REGEXP.test(segment);
    const isHere = DOT_REGEXP.test(segment);
    if (isUp) kept.pop();
    if (!isUp && !isHere) kept.push(segment);
    // "/a/." and "/a/b/.." name a directory.
    else if (i === segments.length - 1) kept.push("");
  });
  return `/${kept.join("/")}`;
}
