// The client that a proxy forwards a request for (RFC 7239).

import { splitList } from "../message/_octets.ts";
import type { HeaderFields } from "../message/mod.ts";
import { isIpv4, parseIpv6, unmapped } from "../url/host.ts";

// forwarded-pair = token "=" value, such as for="[2001:db8::1]:4711"
const PAIR_REGEXP = /^[^"=]+=(?:"(?:[^"\\]|\\.)*"|[^"]*)$/;
// An address, in brackets if it is of IPv6, and its port
const NODE_REGEXP = /^(?:\[([^\]]*)\]|([^:]*)|(.*:.*:.*))(?::\d{1,5})?$/;

/**
 * Finds the client before all trusted proxies. Each proxy adds who asked it to
 * the end of the list, and a client can write what it likes to the start: so
 * the list is read from its end, as long as the one who wrote it is trusted.
 *
 * A proxy that writes one of the two fields may hand on the other one as a
 * client wrote it: where they differ, neither is believed.
 *
 * @param address The address that the connection comes from.
 * @param headers The fields of the request.
 * @param isTrusted Whether an address is that of a trusted proxy.
 */
export function clientAddress(
  address: string,
  headers: HeaderFields,
  isTrusted: (address: string) => boolean,
): string {
  const lists = [
    // Quotes mean nothing in this one, and one of a client would hide the rest
    splitList((headers.get("x-forwarded-for") ?? "").replaceAll('"', "")),
    splitList(headers.get("forwarded") ?? "").map((hop) => {
      const pairs = splitList(hop, ";");
      // A quote that a client left open is ended by one of the proxy's: then a
      // pair is malformed, and nothing of the hop is believed
      const isWhole = pairs.every((pair) => PAIR_REGEXP.test(pair));
      const node = pairs.find((pair) => /^for=/i.test(pair)) ?? "";
      return isWhole ? node.slice("for=".length).replaceAll('"', "") : "";
    }),
  ];
  const clients = lists.filter(({ length }) => length > 0).map((nodes) => {
    let client = address;
    while (isTrusted(client)) {
      const before = addressOf(nodes.pop() ?? "");
      if (before === null) break;
      client = before;
    }
    return client;
  });
  const [client = address, other = client] = clients;
  return client === other ? client : address;
}

/** The address of a node; null if it is hidden, unknown, or none. */
function addressOf(node: string): string | null {
  const [, inBrackets, ipv4, bare] = NODE_REGEXP.exec(node) ?? [];
  const address = unmapped(inBrackets ?? ipv4 ?? bare ?? "");
  return isIpv4(address) ? address : parseIpv6(address);
}
