import { Attempts } from "./attempts.ts";
import { openDownload } from "./download.ts";
import { explainFailure } from "./failure.ts";
import {
  type Transfer,
  type TransferContext,
  usesStdout,
} from "./operation.ts";
import { openFile } from "./input.ts";
import type { TransferRecord } from "./record.ts";
import { drawTimings } from "./report.ts";
import { readAddress, readRequest } from "./request.ts";
import { StreamSink } from "./sink.ts";

/**
 * Performs one transfer: from the request to the response, from there to the
 * sink, and to the exit code. Says why if it fails.
 *
 * @param transfer What to request, and where the body goes.
 * @param context What it shares with other transfers.
 * @param turn Resolves when this transfer may write to stdout.
 * @returns The exit code.
 */
export async function performTransfer(
  transfer: Transfer,
  context: TransferContext,
  turn: Promise<unknown>,
): Promise<number> {
  const { format, output } = context;
  // Most commands need no record, and start faster without the code for it
  const record = format === null
    ? null
    : new (await import("./record.ts")).TransferRecord();
  const exitCode = await tryTransfer(transfer, context, record, turn);
  if (format === null || record === null) return exitCode;
  if (usesStdout(transfer)) await turn;
  const { writeOut } = await import("./write_out.ts");
  try {
    await writeOut(format, record, output);
  } catch (error) {
    // As for curl, this is no failure of the transfer
    output.note(...explainFailure(error).lines);
  }
  return exitCode;
}

async function tryTransfer(
  transfer: Transfer,
  context: TransferContext,
  record: TransferRecord | null,
  turn: Promise<unknown>,
): Promise<number> {
  const { options, output, progress, queries } = context;
  try {
    const url = readAddress(transfer.url, transfer.upload, queries);
    const body = transfer.upload === "" ? context.body : {
      content: await openFile(transfer.upload, context),
      method: "PUT",
      headers: [],
    };
    const request = await readRequest(options, url, body);
    const sink = usesStdout(transfer)
      ? new StreamSink(output, turn, transfer.output === "-")
      : await openDownload(transfer.output!, url, context);
    if (!usesStdout(transfer)) record?.name(transfer.output || url.filename);
    const task = { ...context, url, request, sink, record };
    const response = await new Attempts(task).run();
    if (options.timing) output.note(...drawTimings(response));
    record?.end(transfer, 0, null);
    return 0;
  } catch (error) {
    const { exitCode, lines } = explainFailure(error);
    const isQuiet = options.silent && !options["show-error"];
    if (!isQuiet) output.note(...lines);
    record?.end(transfer, exitCode, lines[0]?.replace(/^knock: /, "") ?? "");
    return exitCode;
  } finally {
    progress.clear();
  }
}
