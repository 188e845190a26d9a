import { MessageError } from "../message/error.ts";
import { responseFraming } from "../message/framing.ts";
import { writeRequestHead } from "../message/request_head.ts";
import type { Url } from "../url/url.ts";
import { type Arrival, openBody, skipBody } from "./_arrival.ts";
import type { Connection } from "./_connection.ts";
import { Context } from "./_context.ts";
import { dial } from "./_dial.ts";
import { exchange } from "./_exchange.ts";
import { headOf, type Plan, planRequest } from "./_plan.ts";
import type { Pool } from "./_pool.ts";
import { followRedirect, locationOf } from "./_redirect.ts";
import { isIdempotent, isPassing, isPassingStatus, Retries } from "./_retry.ts";
import { publicHref, type Route, routeTo } from "./_route.ts";
import type { Outgoing } from "./_upload.ts";
import { ClientError } from "./error.ts";
import type { RequestOptions } from "./options.ts";
import type { Hop, HttpClientResponse } from "./response.ts";

/** Default of {@linkcode ClientOptions.maxRedirects}. */
const MAX_REDIRECTS = 20;

/** Makes a request: goes where redirects lead, and tries again as often as it may. */
export async function perform(
  url: string | Url | URL,
  options: RequestOptions,
  pool: Pool | null,
): Promise<HttpClientResponse> {
  const context = new Context(options);
  try {
    const plan = await planRequest(url, options, context.deadline);
    return await new Journey(context, pool).run(plan);
  } catch (error) {
    context.deadline[Symbol.dispose]();
    throw error;
  }
}

class Journey {
  readonly #context: Context;
  readonly #options: RequestOptions;
  readonly #pool: Pool | null;
  readonly #hops: Hop[] = [];

  constructor(context: Context, pool: Pool | null) {
    this.#context = context;
    this.#options = context.options;
    this.#pool = pool;
  }

  async run(first: Plan): Promise<HttpClientResponse> {
    for (let plan = first;;) {
      const arrival = await this.#attempt(plan);
      try {
        const next = this.#nextPlan(arrival);
        if (next === null) return await openBody(arrival, this.#hops);
        await skipBody(arrival);
        plan = next;
      } catch (error) {
        arrival.connection.close();
        throw error;
      }
    }
  }

  #nextPlan(arrival: Arrival): Plan | null {
    const { redirect, maxRedirects = MAX_REDIRECTS } = this.#options;
    const { plan, head, connection } = arrival;
    const location = redirect === "manual" ? null : locationOf(head);
    if (location === null) return null;
    if (redirect === "error") {
      throw connection.error(
        "redirect",
        `Cannot accept redirect to ${
          JSON.stringify(location)
        }: none was wanted`,
      );
    }
    if (this.#hops.length >= maxRedirects) {
      const isLoop = this.#hops.some(({ url }) => url === publicHref(plan.url));
      const how = isLoop ? ", they lead in a circle" : "";
      throw connection.error(
        "too-many-redirects",
        `Cannot follow redirect to ${
          JSON.stringify(location)
        }: ${maxRedirects} were followed already${how}`,
      );
    }
    const from = publicHref(plan.url);
    const { status, headers } = head;
    const { plan: next, methodReason, dropped } = followRedirect(
      plan,
      status,
      location,
    );
    this.#hops.push({
      url: from,
      method: plan.method,
      status,
      headers,
      remoteAddr: connection.remote,
      timings: this.#context.clock,
    });
    const to = publicHref(next.url);
    const { method } = next;
    this.#context.emit?.({
      type: "redirect",
      status,
      from,
      to,
      method,
      methodReason,
      dropped,
    });
    return next;
  }

  async #attempt(plan: Plan): Promise<Arrival> {
    const retries = new Retries(this.#options.retry);
    for (;;) {
      this.#context.restartClock();
      let reason: string;
      let delay: number | null;
      try {
        const arrival = await this.#once(plan);
        const { head } = arrival;
        await this.#takeCookies(arrival);
        delay = isPassingStatus(head.status, plan.method)
          ? retries.next(head.headers)
          : null;
        if (delay === null) return arrival;
        reason = `the answer is ${head.status} ${head.reason}`;
        await skipBody(arrival);
      } catch (error) {
        const mayPass = isPassing(error, plan.method) &&
          !this.#context.deadline.isFinal;
        delay = mayPass ? retries.next() : null;
        if (delay === null) throw error;
        reason = (error as Error).message;
      }
      this.#context.emit?.({
        type: "retry",
        attempt: retries.attempts,
        delay,
        reason,
      });
      await this.#context.pause(delay);
    }
  }

  async #once(plan: Plan): Promise<Arrival> {
    const context = this.#context;
    const pool = this.#pool;
    const route = routeTo(plan.url, this.#options);
    const outgoing = await this.#prepare(plan, route);
    const send = (connection: Connection): Promise<Arrival> =>
      this.#send(connection, outgoing, { plan, route, context, pool });
    const kept = isIdempotent(plan.method) ? pool?.take(route.key) : null;
    if (kept) {
      const { local, remote, uses } = kept;
      context.emit?.({ type: "reused", local, remote, uses: uses + 1 });
      try {
        return await send(kept);
      } catch (error) {
        if (!isStale(error)) throw error;
        pool?.drop(route.key); // the server has closed it meanwhile, and most likely the others too
        const reason = "it was kept too long";
        context.emit?.({ type: "closed", remote, by: "server", reason });
      }
    }
    return await send(await dial(route, context));
  }

  /** Writes the head before anything is connected, so that what cannot be sent is refused first. */
  async #prepare(plan: Plan, route: Route): Promise<Outgoing> {
    const { method, payload } = plan;
    const url = publicHref(plan.url);
    const options = this.#options;
    const cookies = await options.cookies?.getCookieString(url) ?? "";
    const head = writeRequestHead(headOf(plan, route, { options, cookies }));
    return { head, method, url, payload };
  }

  async #send(
    connection: Connection,
    outgoing: Outgoing,
    way: Pick<Arrival, "plan" | "route" | "context" | "pool">,
  ): Promise<Arrival> {
    const { maxBodyBytes = Infinity } = this.#options;
    try {
      const answer = await exchange(connection, outgoing, this.#context);
      const framing = framingOf(connection, outgoing.method, answer.head);
      if (framing.kind === "length" && framing.length > maxBodyBytes) {
        throw connection.error(
          "too-large",
          `Cannot read body: it has ${framing.length} bytes, over ${maxBodyBytes}`,
        );
      }
      return { ...answer, ...way, connection, framing };
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  async #takeCookies({ plan, head }: Arrival): Promise<void> {
    const { cookies } = this.#options;
    if (cookies === undefined) return;
    for (const text of head.headers.getAll("set-cookie")) {
      let problem: string | null = null;
      try {
        await cookies.setCookie(text, publicHref(plan.url));
      } catch (error) {
        problem = (error as Error).message; // a bad cookie is no reason to refuse the answer
      }
      this.#context.emit?.({ type: "cookie", text, error: problem });
    }
  }
}

function isStale(error: unknown): boolean {
  return error instanceof ClientError &&
    (error.code === "empty-reply" || error.code === "reset");
}

function framingOf(
  connection: Connection,
  method: string,
  head: Parameters<typeof responseFraming>[1],
): ReturnType<typeof responseFraming> {
  try {
    return responseFraming(method, head);
  } catch (error) {
    if (!(error instanceof MessageError)) throw error;
    throw connection.error("malformed", error.message, error);
  }
}
