// Bun's server: bun bun.js FOLDER PORT file|memory

const [folder, port, kind] = globalThis.Bun.argv.slice(2);
const held = new Map();

globalThis.Bun.serve({
  hostname: "127.0.0.1",
  port: Number(port),
  async fetch(request) {
    const { pathname } = new URL(request.url);
    const file = globalThis.Bun.file(folder + pathname);
    if (kind === "file") return new Response(file);
    let bytes = held.get(pathname);
    if (bytes === undefined) {
      bytes = await file.bytes();
      held.set(pathname, bytes);
    }
    return new Response(bytes);
  },
});
