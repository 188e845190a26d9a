import { splitList, trimOws } from "./_octets.ts";

/** A member of a list such as `Accept` or `Accept-Encoding`. */
export interface QualityValue {
  /** The media range, coding or language, in lower case, without parameters. */
  readonly value: string;
  /** From 0 (not wanted) to 1. */
  readonly quality: number;
}

// weight = OWS ";" OWS "q=" qvalue (RFC 9110 section 12.4.2)
const QVALUE_REGEXP = /^(?:0(?:\.\d{0,3})?|1(?:\.0{0,3})?)$/;

/**
 * Parses a list with quality values (RFC 9110 section 12.4.2), in linear time.
 *
 * @param value The field value.
 * @returns Its members in order, without those whose quality is invalid.
 *
 * @example Usage
 * ```ts
 * import { parseQualityValues } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseQualityValues("gzip;q=0.5, br"), [
 *   { value: "gzip", quality: 0.5 },
 *   { value: "br", quality: 1 },
 * ]);
 * ```
 */
export function parseQualityValues(value: string): QualityValue[] {
  const values: QualityValue[] = [];
  for (const member of splitList(value.toLowerCase())) {
    const [name = "", ...parameters] = member.split(";");
    const weight = parameters.map((one) => trimOws(one))
      .find((one) => one.startsWith("q="));
    const digits = weight?.slice(2) ?? "1";
    if (QVALUE_REGEXP.test(digits)) {
      values.push({ value: trimOws(name), quality: Number(digits) });
    }
  }
  return values;
}

/**
 * Finds the quality of a coding or media type.
 *
 * @param values The members of the list.
 * @param wanted The coding (`gzip`) or media type (`text/html`), in lower case.
 * @returns The quality of the member that names it most closely: itself, then
 *   `text/*`, then the one for all; null if there is none.
 *
 * @example Usage
 * ```ts
 * import { parseQualityValues, qualityOf } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const values = parseQualityValues("text/*;q=0.3, text/html");
 * assertEquals(qualityOf(values, "text/html"), 1);
 * assertEquals(qualityOf(values, "text/plain"), 0.3);
 * assertEquals(qualityOf(values, "image/png"), null);
 * ```
 */
export function qualityOf(
  values: readonly QualityValue[],
  wanted: string,
): number | null {
  const slash = wanted.indexOf("/");
  const names = slash < 0
    ? [wanted, "*"]
    : [wanted, wanted.slice(0, slash) + "/*", "*/*"];
  for (const name of names) {
    const found = values.find(({ value }) => value === name);
    if (found !== undefined) return found.quality;
  }
  return null;
}
