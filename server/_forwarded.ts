// The client for whom a proxy forwards a request (RFC 7239).

import { splitList } from "../message/_octets.ts";
import type { HeaderFields } from "../message/mod.ts";
import { isIpv4, parseIpv6, unmapped } from "../url/host.ts";

// forwarded-pair = token "=" value, such as for="[2001:db8::1]:4711"
const PAIR_REGEXP = /^[^"=]+=(?:"(?:[^"\\]|\\.)*"|[^"]*)$/;
// An address, in brackets if it is IPv6, and its port
const NODE_REGEXP = /^(?:\[([^\]]*)\]|([^:]*)|(.*:.*:.*))(?::\d{1,5})?$/;

/**
 * Finds the client in front of all trusted proxies. Each proxy appends the
 * address of its own client to the list, and a client can write anything to the
 * start of it. So the list is read from its end, as long as the proxy that
 * wrote an entry is trusted.
 *
 * A proxy that writes one of the two fields may pass on the other as a client
 * wrote it. So if they differ, neither is trusted.
 *
 * @param address The address that the connection comes from.
 * @param headers The fields of the request.
 * @param isTrusted Whether an address belongs to a trusted proxy.
 */
export function clientAddress(
  address: string,
  headers: HeaderFields,
  isTrusted: (address: string) => boolean,
): string {
  if (!isTrusted(address)) return address;
  // Quotes mean nothing here, and a quote from a client would hide the rest
  const forwardedFor = headers.get("x-forwarded-for")?.replaceAll('"', "");
  const hops = splitList(headers.get("forwarded") ?? "");
  const lists = [splitList(forwardedFor ?? ""), hops.map(nodeOf)];
  const clients = lists.filter(({ length }) => length > 0).map((nodes) => {
    let client = address;
    while (isTrusted(client)) {
      const previous = addressOf(nodes.pop() ?? "");
      if (previous === null) break;
      client = previous;
    }
    return client;
  });
  const [client = address, other = client] = clients;
  return client === other ? client : address;
}

/** Returns the node that a hop of `Forwarded` is for; "" if it is malformed. */
function nodeOf(hop: string): string {
  const pairs = splitList(hop, ";");
  // A quote that a client left open ends at the next one, the proxy's. The pair
  // is then malformed, and nothing of the hop is trusted
  const isWhole = pairs.every((pair) => PAIR_REGEXP.test(pair));
  const node = pairs.find((pair) => /^for=/i.test(pair)) ?? "";
  return isWhole ? node.slice("for=".length).replaceAll('"', "") : "";
}

/** Returns the address of a node; null if hidden, unknown or malformed. */
function addressOf(node: string): string | null {
  const [, inBrackets, ipv4, bare] = NODE_REGEXP.exec(node) ?? [];
  const address = unmapped(inBrackets ?? ipv4 ?? bare ?? "");
  return isIpv4(address) ? address : parseIpv6(address);
}
