// A worker that swaps files for links out of the root, and back, as fast as it
// can, for 1.5 seconds.

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

/** Swaps a file or directory for a link, and back. */
function swap(path: string, link: string, kept: string): void {
  Deno.renameSync(path, kept);
  Deno.renameSync(link, path);
  Deno.renameSync(path, link);
  Deno.renameSync(kept, path);
}
