import { isFieldText, isNameAt, isToken, quote } from "./_octets.ts";

/**
 * What {@linkcode HeaderFields} can be created from; a record may give several
 * values for one name, or undefined for none.
 *
 * @example Give the same fields in three ways
 * ```ts
 * import { HeaderFields, type HeaderFieldsInit } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const inits: HeaderFieldsInit[] = [
 *   { "Vary": ["Origin", "Cookie"] },
 *   [["Vary", "Origin"], ["Vary", "Cookie"]],
 *   new Headers({ "Vary": "Origin, Cookie" }),
 * ];
 * for (const init of inits) {
 *   assertEquals(new HeaderFields(init).get("vary"), "Origin, Cookie");
 * }
 * ```
 *
 * @category Messages
 */
export type HeaderFieldsInit =
  | HeaderFields
  | Headers
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[] | undefined>>;

/** The field whose values are joined in a way of their own. */
const COOKIE_REGEXP = /^cookie$/i;

/**
 * A list in which names and values alternate. Fields have no objects of their
 * own, because a server creates a list for each request.
 */
interface FieldList {
  readonly fields: string[];
  /** The number of copies that were made by sharing the list. */
  copies: number;
}

/**
 * The header fields of a message: in order, with their names as sent, and found
 * in any case (RFC 9110 section 5).
 *
 * The web's `Headers` sorts, lowercases and merges fields, so it does not show
 * what was sent. This class does, and {@linkcode HeaderFields.toWeb} converts
 * it.
 *
 * @example Usage
 * ```ts
 * import { HeaderFields } from "@knock/http/message";
 * import { assertEquals } from "@std/assert";
 *
 * const headers = new HeaderFields({ "Content-Type": "text/html" });
 * headers.append("Set-Cookie", "a=1");
 * headers.append("Set-Cookie", "b=2");
 * assertEquals(headers.get("content-type"), "text/html");
 * assertEquals(headers.getAll("set-cookie"), ["a=1", "b=2"]);
 * ```
 *
 * @category Messages
 */
export class HeaderFields implements Iterable<[string, string]> {
  /** The fields. Copies share a list until one of them changes it. */
  #list: FieldList = { fields: [], copies: 0 };

  /**
   * Creates a list of fields.
   *
   * @param init The initial fields; they are copied.
   * @throws {TypeError} If a name or a value is not a string.
   */
  constructor(init?: HeaderFieldsInit) {
    if (init === undefined) return;
    if (init instanceof HeaderFields) {
      this.#list = init.#list;
      this.#list.copies++;
    } else if (typeof init !== "object" || init === null) {
      throw new TypeError(
        `Cannot make header fields of ${init}: expected an object of names and values, or pairs of both`,
      );
    } else if (Symbol.iterator in init) {
      for (const [name, value] of init) this.append(name, value);
    } else {
      for (const [name, value = []] of Object.entries(init)) {
        for (const item of [value].flat()) this.append(name, item);
      }
    }
  }

  /**
   * An object that identifies the fields while none is changed: copies have the
   * same one. It is null before the second copy, and so for a head that is
   * received for the first time.
   *
   * @internal
   */
  get identity(): object | null {
    return this.#list.copies > 1 ? this.#list : null;
  }

  /**
   * Finds the value of a field.
   *
   * @param name The name, in any case.
   * @returns The value; if the field occurs several times, its values joined
   *   with `, ` (RFC 9110 section 5.3), or with `; ` for `Cookie` (RFC 9113
   *   section 8.2.3); null if there is no such field.
   */
  get(name: string): string | null {
    const first = this.#find(name, 0);
    if (first < 0) return null;
    if (this.#find(name, first + 2) < 0) return this.#list.fields[first + 1]!;
    return this.getAll(name).join(COOKIE_REGEXP.test(name) ? "; " : ", ");
  }

  /**
   * Finds every value of a field, in order.
   *
   * @param name The name, in any case.
   * @returns One string for each line with this name.
   */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let i = this.#find(name, 0); i >= 0; i = this.#find(name, i + 2)) {
      values.push(this.#list.fields[i + 1]!);
    }
    return values;
  }

  /**
   * Tells whether a field is present.
   *
   * @param name The name, in any case.
   * @returns True when at least one line has this name.
   */
  has(name: string): boolean {
    return this.#find(name, 0) >= 0;
  }

  /**
   * Sets a field to a single value: replaces its first line, if there is one,
   * and removes the others.
   *
   * @param name The name, as it is to be sent.
   * @param value The value.
   * @throws {TypeError} If one of them is not a string.
   */
  set(name: string, value: string): void {
    checkStrings(name, value);
    const first = this.#find(name, 0);
    if (first < 0) return this.append(name, value);
    this.#deleteFrom(name, first + 2);
    this.#writableFields().splice(first, 2, name, value);
  }

  /**
   * Appends a line.
   *
   * @param name The name, as it is to be sent.
   * @param value The value.
   * @throws {TypeError} If one of them is not a string.
   */
  append(name: string, value: string): void {
    checkStrings(name, value);
    this.#writableFields().push(name, value);
  }

  /**
   * Removes every line with a name.
   *
   * @param name The name, in any case.
   */
  delete(name: string): void {
    this.#deleteFrom(name, 0);
  }

  /**
   * Iterates over the lines in order.
   *
   * @returns An iterator over pairs of a name, as sent, and a value.
   */
  *[Symbol.iterator](): Iterator<[string, string]> {
    const { fields } = this.#list;
    for (let i = 0; i < fields.length; i += 2) {
      yield [fields[i]!, fields[i + 1]!];
    }
  }

  /**
   * Converts the fields to the web's type, which sorts, lowercases and merges
   * them.
   *
   * @returns A new `Headers`.
   */
  toWeb(): Headers {
    const headers = new Headers([...this]);
    // Headers itself would join them with ", "
    if (this.has("cookie")) headers.set("cookie", this.get("cookie")!);
    return headers;
  }

  /**
   * Converts the fields to an object that the constructor accepts;
   * `JSON.stringify` calls this.
   *
   * @returns Names as sent, each with its value, or with a list of values if
   *   the field occurs several times.
   */
  toJSON(): Record<string, string | string[]> {
    const groups = Map.groupBy(this, ([name]) => name.toLowerCase());
    return Object.fromEntries(Array.from(groups.values(), (lines) => {
      const [[name, value]] = lines as [[string, string]];
      return [name, lines.length === 1 ? value : this.getAll(name)];
    }));
  }

  /** Returns the text that `console.log` shows. */
  [Symbol.for("nodejs.util.inspect.custom")](
    _depth: number,
    options: unknown,
    inspect: (value: unknown, options: unknown) => string,
  ): string {
    return `HeaderFields ${inspect(this.toJSON(), options)}`;
  }

  /**
   * Writes the lines as they are sent, each with its CRLF.
   *
   * Every field of every head that is sent passes through here. This one place
   * prevents a value from ending its line and splitting the message (RFC 9112
   * section 11.1).
   *
   * @returns The field lines, without the empty line that ends a head.
   * @throws {TypeError} If a name is not a token, or a value has a control
   *   character or one above U+00FF.
   */
  toString(): string {
    const { fields } = this.#list;
    let text = "";
    for (let i = 0; i < fields.length; i += 2) {
      text += writeFieldLine(fields[i]!, fields[i + 1]!);
    }
    return text;
  }

  /** Returns names and values to change, copied first if they are shared. */
  #writableFields(): string[] {
    const { fields, copies } = this.#list;
    if (copies > 0) this.#list = { fields: fields.slice(), copies: 0 };
    return this.#list.fields;
  }

  /** Finds the first line with this name from an index on; -1 if none. */
  #find(name: string, from: number): number {
    const { fields } = this.#list;
    for (let i = from; i < fields.length; i += 2) {
      const other = fields[i]!;
      if (other.length === name.length && isNameAt(0, other, name)) return i;
    }
    return -1;
  }

  #deleteFrom(name: string, from: number): void {
    for (let i = this.#find(name, from); i >= 0; i = this.#find(name, i)) {
      this.#writableFields().splice(i, 2);
    }
  }
}

/** Checks the types for callers in JavaScript, which TypeScript cannot. */
function checkStrings(name: unknown, value: unknown): void {
  if (typeof name === "string" && typeof value === "string") return;
  const act = `Cannot set field ${quote(String(name))} to ${value}`;
  throw new TypeError(`${act}: not a string`);
}

function writeFieldLine(name: string, value: string): string {
  if (!isToken(name)) {
    const message = `Cannot write field ${quote(name)}: name is not a token`;
    throw new TypeError(message);
  }
  if (isFieldText(value)) return `${name}: ${value}\r\n`;
  const act = `Cannot write field ${quote(name)}: value ${quote(value)}`;
  throw new TypeError(`${act} has a control character or one above U+00FF`);
}
