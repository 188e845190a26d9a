import { statusReason } from "../../message/mod.ts";
import { parseRequestPath } from "../_files/resolve.ts";
import { breadcrumbs, escapeText, pageStart } from "./html.ts";

/**
 * Writes the page for an error, with links to the folders above it.
 *
 * @param status The status of the response.
 * @param path The path of the request, percent-encoded.
 * @param urlRoot The names in URLs before those of the files.
 */
export function writeErrorPage(
  status: number,
  path: string,
  urlRoot: readonly string[],
): string {
  const { names = [], endsInSlash = true } = parseRequestPath(path) ?? {};
  const isInside = urlRoot.every((name, index) => name === names[index]);
  const below = names.slice(isInside ? urlRoot.length : 0);
  const title = `${status} ${statusReason(status)}`;
  const place = `/${below.join("/")}`;
  const reason = status === 404
    ? `<p>There is nothing at <bdi>${escapeText(place)}</bdi>.</p>\n`
    : "";
  const up = below.length === 0
    ? ""
    : `<p><a class="up" href="${
      endsInSlash ? "../" : "./"
    }">Parent folder</a></p>\n`;
  return `${pageStart(title, breadcrumbs(below, endsInSlash))}</header>
<main class="error">
<h2>${title}</h2>
${reason}${up}</main>
</body>
</html>
`;
}
