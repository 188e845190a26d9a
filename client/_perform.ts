import { writeRequestHead } from "../message/request_head.ts";
import type { Url } from "../url/url.ts";
import { type Arrival, openBody, skipBody } from "./_exchange/arrival.ts";
import type { Connection } from "./_connect/connection.ts";
import { Context } from "./_connect/context.ts";
import { dial } from "./_connect/dial.ts";
import { type Answer, exchange } from "./_exchange/exchange.ts";
import { headOf, type Plan, planRequest } from "./_exchange/plan.ts";
import type { Pool } from "./_connect/pool.ts";
import { followRedirect, locationOf } from "./_redirect.ts";
import { isIdempotent, Retries, type Retry } from "./_retry.ts";
import { publicHref, type Route, routeTo } from "./_connect/route.ts";
import type { Outgoing } from "./_exchange/upload.ts";
import { ClientError } from "./error.ts";
import type { CookieStore, RequestOptions } from "./options.ts";
import type { Hop, HttpClientResponse } from "./response.ts";

/** Default of {@linkcode ClientOptions.maxRedirects}. */
const MAX_REDIRECTS = 20;

/**
 * Makes a request: goes where redirects lead, and tries again as often as it
 * may.
 */
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
    const { plan, head, connection } = arrival;
    const { redirect } = this.#options;
    const location = redirect === "manual" ? null : locationOf(head);
    if (location === null) return null;
    this.#checkRedirect(connection, plan, location);
    const { status, headers } = head;
    const { plan: next, ...change } = followRedirect(plan, status, location);
    const { method } = next;
    const from = publicHref(plan.url);
    const to = publicHref(next.url);
    this.#hops.push({
      url: from,
      method: plan.method,
      status,
      headers,
      remoteAddr: connection.socket.remoteAddr,
      timings: this.#context.clock,
    });
    const event = { type: "redirect", status, from, to, method } as const;
    this.#context.emit?.({ ...event, ...change });
    return next;
  }

  #checkRedirect(connection: Connection, plan: Plan, location: string): void {
    const { redirect, maxRedirects = MAX_REDIRECTS } = this.#options;
    const target = JSON.stringify(location.slice(0, 100));
    if (redirect === "error") {
      throw connection.error(
        "redirect",
        `Cannot accept redirect to ${target}: none was wanted`,
      );
    }
    if (this.#hops.length < maxRedirects) return;
    const isLoop = this.#hops.some(({ url }) => url === publicHref(plan.url));
    const how = isLoop ? ", they lead in a circle" : "";
    throw connection.error(
      "too-many-redirects",
      `Cannot follow redirect to ${target}: ${maxRedirects} were followed already${how}`,
    );
  }

  async #attempt(plan: Plan): Promise<Arrival> {
    const { retry: options } = this.#options;
    const retries = options instanceof Retries ? options : new Retries(options);
    for (;;) {
      this.#context.restartClock();
      let retry: Retry | null;
      try {
        const arrival = await this.#once(plan);
        retry = retries.afterResponse(arrival.head, plan.method);
        if (retry === null) return arrival;
        await skipBody(arrival);
      } catch (error) {
        retry = this.#context.deadline.isFinal
          ? null
          : retries.afterError(error, plan.method);
        if (retry === null) throw error;
      }
      this.#context.emit?.({ type: "retry", ...retry });
      await this.#context.pause(retry.delay);
    }
  }

  async #once(plan: Plan): Promise<Arrival> {
    const context = this.#context;
    const options = this.#options;
    const pool = this.#pool;
    const { cookies } = options;
    const { method, payload } = plan;
    const url = publicHref(plan.url);
    const route = routeTo(plan.url, options);
    const cookie = cookies && await cookies.getCookieString(url);
    // Written before anything is connected, so that what cannot be sent is
    // refused first
    const head = writeRequestHead(headOf(plan, route, { options, cookie }));
    const outgoing = { head, method, url, payload };
    const kept = pool !== null && isIdempotent(method)
      ? await this.#overKept(outgoing, pool, route)
      : null;
    const connection = kept?.connection ?? await dial(route, context);
    const answer = kept ?? await exchange(connection, outgoing, context);
    const arrival = { ...answer, plan, route, connection, context, pool };
    try {
      if (cookies !== undefined) await this.#takeCookies(arrival, cookies);
      return arrival;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * Tries a kept connection; null when there is none, or the server has closed
   * it meanwhile.
   */
  async #overKept(
    outgoing: Outgoing,
    pool: Pool,
    { key }: Route,
  ): Promise<Answer & { readonly connection: Connection } | null> {
    const connection = pool.take(key);
    if (connection === null) return null;
    const { emit } = this.#context;
    const { local, remote, uses } = connection;
    try {
      emit?.({ type: "reused", local, remote, uses: uses + 1 });
      const answer = await exchange(connection, outgoing, this.#context);
      return { ...answer, connection };
    } catch (error) {
      connection.close();
      if (!isStale(error)) throw error;
      pool.drop(key); // most likely the others are closed too
      const reason = "it was kept too long";
      emit?.({ type: "closed", remote, by: "server", reason });
      return null;
    }
  }

  async #takeCookies(
    { plan, head }: Arrival,
    cookies: CookieStore,
  ): Promise<void> {
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
