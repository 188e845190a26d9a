// multipart/form-data (RFC 7578) as the HTML standard writes it; the platform
// leaves the last line end out

const RANDOM_BYTES = 16;

/** Writes a form; a `Blob` holds the files by reference. */
export function writeMultipart(form: FormData): Blob {
  const random = crypto.getRandomValues(new Uint8Array(RANDOM_BYTES));
  const boundary = `knock-${random.toHex()}`;
  const parts: (string | Blob)[] = [];
  for (const [name, value] of form) {
    const disposition = `form-data; name="${escapeName(normalizeLines(name))}"`;
    parts.push(`--${boundary}\r\nContent-Disposition: ${disposition}`);
    if (typeof value === "string") {
      parts.push(`\r\n\r\n${normalizeLines(value)}\r\n`);
    } else {
      const type = value.type === "" ? "application/octet-stream" : value.type;
      parts.push(
        `; filename="${
          escapeName(value.name)
        }"\r\nContent-Type: ${type}\r\n\r\n`,
        value,
        "\r\n",
      );
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` });
}

function normalizeLines(text: string): string {
  return text.replace(/\r\n?|\n/g, "\r\n");
}

const ESCAPES: Readonly<Record<string, string>> = {
  "\r": "%0D",
  "\n": "%0A",
  '"': "%22",
};

function escapeName(name: string): string {
  return name.replace(/[\r\n"]/g, (char) => ESCAPES[char]!);
}
