// Run as a worker: swaps files for links that lead out of the root, and back,
// as fast as it can, for a few seconds.

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(message: string): void;
};

scope.onmessage = ({ data: path }) => {
  const root = `${path}/root`;
  Deno.symlinkSync(`${path}/secret.txt`, `${path}/link`);
  Deno.symlinkSync(`${path}/outside`, `${path}/dirlink`);
  scope.postMessage("ready");
  const end = performance.now() + 1_500;
  try {
    while (performance.now() < end) {
      swap(`${root}/open.txt`, `${path}/link`, `${path}/kept`);
      swap(`${root}/dir`, `${path}/dirlink`, `${path}/kept-dir`);
    }
  } catch {
    // The test has failed, and removed the directory
  }
  scope.postMessage("done");
};

/** Puts a link where a file or directory is, and the other way round. */
function swap(path: string, link: string, kept: string): void {
  Deno.renameSync(path, kept);
  Deno.renameSync(link, path);
  Deno.renameSync(path, link);
  Deno.renameSync(kept, path);
}
