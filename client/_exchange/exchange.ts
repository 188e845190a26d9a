import { MessageError } from "../../message/error.ts";
import { type BodyFraming, responseFraming } from "../../message/framing.ts";
import {
  type ResponseHead,
  ResponseHeadParser,
} from "../../message/response_head.ts";
import type { Connection } from "../_connect/connection.ts";
import { octetsToText } from "../../message/_octets.ts";
import type { Context } from "../_connect/context.ts";
import { readHead } from "./head_reader.ts";
import { type Outgoing, Upload } from "./upload.ts";

/** How many interim answers are skipped. */
const MAX_INTERIM = 10;

/** An answer whose body is still to be read. */
export interface Answer {
  /** Its head. */
  readonly head: ResponseHead;
  /** Where its body ends. */
  readonly framing: BodyFraming;
  /** The request, which may still be on its way. */
  readonly upload: Upload;
}

/**
 * Step 4 up to the head of the answer: writes a request and reads until its
 * final head.
 */
export async function exchange(
  connection: Connection,
  outgoing: Outgoing,
  context: Context,
): Promise<Answer> {
  const { deadline, clock } = context;
  const upload = new Upload(connection, outgoing, context);
  deadline.pending = upload;
  try {
    connection.uses++;
    await upload.begin();
    const head = await readFinalHead(connection, outgoing.url, context);
    clock.mark("answered");
    if (head.status >= 300) upload.stop(`the answer is ${head.status}`);
    const framing = responseFraming(outgoing.method, head);
    checkLength(connection, framing, context);
    return { head, framing, upload };
  } catch (error) {
    connection.close();
    upload.stop("the exchange failed");
    await upload.finished;
    if (error instanceof MessageError) {
      throw connection.error("malformed", error.message, error);
    }
    throw upload.fault ?? deadline.explain(error);
  }
}

async function readFinalHead(
  connection: Connection,
  url: string,
  context: Context,
): Promise<ResponseHead> {
  const { deadline, idleTimeout, maxHeadBytes, emit } = context;
  const act = connection.act("Cannot read answer");
  const parser = new ResponseHeadParser({ maxHeadBytes });
  for (let count = 0; count <= MAX_INTERIM; count++) {
    deadline.start(idleTimeout, act);
    const head = await readHead(connection, parser)
      .finally(() => deadline.stop(act));
    if (head === null) throw nothingCame(connection, count);
    const { status, size: bytes } = head;
    if (status === 101) {
      throw connection.error(
        "malformed",
        "Cannot read answer: 101 changes the protocol, which was not asked for",
      );
    }
    if (emit !== undefined) {
      const text = headText(connection, bytes);
      if (status < 200) emit({ type: "interim", status, text, bytes });
      else emit({ type: "response-head", url, ...head, text, bytes });
    }
    if (status >= 200) return head;
  }
  throw connection.error(
    "malformed",
    `Cannot read answer: more than ${MAX_INTERIM} interim answers`,
  );
}

function nothingCame(connection: Connection, interim: number): Error {
  const what = "Cannot read answer: the connection was closed";
  return interim === 0
    ? connection.error("empty-reply", `${what} before a byte of it came`)
    : connection.error("truncated", `${what} after interim answers alone`);
}

/** The head that was just read, as it came. */
function headText({ buffer, start }: Connection, size: number): string {
  return octetsToText(buffer, start - size, start);
}

function checkLength(
  connection: Connection,
  framing: BodyFraming,
  { options: { maxBodyBytes = Infinity } }: Context,
): void {
  if (framing.kind !== "length" || framing.length <= maxBodyBytes) return;
  throw connection.error(
    "too-large",
    `Cannot read body: it has ${framing.length} bytes, over ${maxBodyBytes}`,
  );
}
