import { statusReason } from "../../message/mod.ts";
import type { Handler } from "../handler.ts";

/** Prints one decision about a request. */
export function printStep(step: string, finding: string): void {
  console.log(`  ${step.padEnd(11)}${finding}`);
}

/** Prints each request, and what came of it below the decisions about it. */
export function withExplanation(handler: Handler): Handler {
  return async (request) => {
    console.log(`${request.method} ${request.target} HTTP/${request.version}`);
    const result = await handler(request);
    const { status } = result;
    printStep("status", `${status} ${statusReason(status)}`);
    return result;
  };
}
