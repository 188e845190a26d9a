// The source files of the project as text, for tests of its structure.

export const ROOT = new URL("../", import.meta.url);
/** The folders with source files. */
export const FOLDERS = ["url", "message", "command", "server", "client"];

/** One source file. */
export interface Source {
  /** Its path, relative to the root. */
  readonly path: string;
  /** Its text. */
  readonly text: string;
  /** Its text without comments. */
  readonly code: string;
  /** The paths of the files that it imports, even if only for a type. */
  readonly imports: readonly string[];
}

// A comment, or what may contain the start of one: a string, a template or a
// regular expression
const COMMENT_OR_TEXT_REGEXP =
  /\/\*[^]*?\*\/|\/\/.*|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=[=(,:?!&|]\s*)\/(?![*\/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^\/\\\n[])+\//g;
const IMPORT_REGEXP = /\b(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

/** Reads one source file. */
export function readSource(path: string): Source {
  const text = Deno.readTextFileSync(new URL(path, ROOT));
  const code = text.replace(
    COMMENT_OR_TEXT_REGEXP,
    (found) => /^\/[/*]/.test(found) ? "" : found,
  );
  const imports = Array.from(code.matchAll(IMPORT_REGEXP), ([, target]) => {
    const { href } = new URL(target!, new URL(path, ROOT));
    return href.slice(ROOT.href.length);
  });
  return { path, text, code, imports };
}

function* listPaths(folder: string): Iterable<string> {
  for (const entry of Deno.readDirSync(new URL(`${folder}/`, ROOT))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* listPaths(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

/** All source files except tests. */
export const SOURCES: readonly Source[] = FOLDERS.flatMap((folder) => [
  ...listPaths(folder),
]).map(readSource);

/** Returns the source files in a folder and its subfolders. */
export function sourcesOf(folder: string): Source[] {
  return SOURCES.filter(({ path }) => path.startsWith(`${folder}/`));
}

/** Finds the source files whose code matches, and what matched. */
export function matches(sources: readonly Source[], regexp: RegExp): string[] {
  return sources.flatMap(({ path, code }) =>
    Array.from(code.matchAll(regexp), ([text]) => `${path}: ${text.trim()}`)
  );
}
