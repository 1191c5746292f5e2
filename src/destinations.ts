// Where webhooks may be sent: to public addresses, and by https where that is required. Asked three times, so that
// no notation and no change of a name gets around it: of the URL, of what its name resolves to, and of the socket
// that is connected. Pure.
//
// What is not public: the special-purpose registries of IANA (RFC 6890 and its updates). Of IPv6 only 2000::/3 is
// given out for public use. An IPv4 address within an IPv6 one is judged as what it is.

import { BlockList, isIP, isIPv6 } from 'node:net';

/** Why nothing is sent there; `error` as an attempt has it. */
export interface Refusal {
  error: 'address' | 'url';
  /** For people. */
  detail: string;
}

export interface Destinations {
  /** Why nothing is sent to this URL, as far as it alone tells; undefined: it may be. */
  refusalOfUrl(url: string): Refusal | undefined;
  /** Why nothing is sent to this address; undefined: it may be. */
  refusalOfAddress(address: string): string | undefined;
}

export interface DestinationRules {
  /** Whether `http:` is refused. */
  httpsOnly: boolean;
  /** Ranges of addresses that are not public and yet allowed, as CIDR. */
  allowAddresses: readonly string[];
}

const SPECIAL: readonly [kind: string, ranges: readonly string[]][] = [
  ['a loopback address', ['127.0.0.0/8', '::1/128']],
  ['a private address', ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7', '64:ff9b:1::/48']],
  ['a link-local address', ['169.254.0.0/16', 'fe80::/10']],
  ['an address of this host', ['0.0.0.0/8', '::/128']],
  ['a shared address', ['100.64.0.0/10']],
  ['a multicast address', ['224.0.0.0/4', 'ff00::/8']],
  [
    'an address of documentation',
    ['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24', '2001:db8::/32', '3fff::/20'],
  ],
  ['an address of benchmarks', ['198.18.0.0/15']],
  ['a reserved address', ['192.0.0.0/24', '192.88.99.0/24', '240.0.0.0/4', '2001::/23', '2002::/16']],
];
const LISTS = SPECIAL.map(([kind, ranges]) => ({ kind, list: blockList(ranges) }));
/** What of IPv6 is given out for public use. */
const GLOBAL = blockList(['2000::/3']);

export function createDestinations({ httpsOnly, allowAddresses }: DestinationRules): Destinations {
  const allowed = blockList(allowAddresses);

  function refusalOfAddress(text: string): string | undefined {
    const [address = ''] = text.split('%');
    const judged = embeddedIPv4(address) ?? address;
    const family = isIPv6(judged) ? 'ipv6' : 'ipv4';
    if (allowed.check(judged, family)) return undefined;
    const kind = LISTS.find(({ list }) => list.check(judged, family))?.kind;
    if (kind !== undefined) return `${address} is ${kind}`;
    return family === 'ipv4' || GLOBAL.check(judged, family) ? undefined : `${address} is no public address`;
  }

  return {
    refusalOfAddress,
    refusalOfUrl(url) {
      const parsed = URL.parse(url);
      if (parsed === null) return { error: 'url', detail: 'this is no URL' };
      const { protocol, hostname } = parsed;
      if (protocol !== 'https:' && (httpsOnly || protocol !== 'http:')) {
        const detail = httpsOnly ? 'only https is allowed' : 'only http and https are allowed';
        return { error: 'url', detail };
      }
      const literal = literalOf(hostname);
      if (literal === undefined) return undefined;
      const refusal = refusalOfAddress(literal);
      if (refusal !== undefined) return { error: 'address', detail: refusal };
      const plain = embeddedIPv4(literal) ?? literal;
      if (plain === literal && isWrittenAs(url, hostname)) return undefined;
      return { error: 'address', detail: `an address must be written plainly, as ${plain}` };
    },
  };
}

/** The address that a host is, brackets of IPv6 taken off; undefined: it is a name. */
function literalOf(hostname: string): string | undefined {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return isIP(host) === 0 ? undefined : host;
}

/** Whether the URL has its host just so: `0x7f.1`, `2130706433` and `127.0.0.1.` stand for another text. */
function isWrittenAs(url: string, hostname: string): boolean {
  const [, authority = ''] = /^\s*[a-z]+:\/\/([^/?#\\]*)/i.exec(url) ?? [];
  const host = authority.replace(/:\d*$/, '').toLowerCase();
  return host === hostname || (host.startsWith('[') && isIPv6(host.slice(1, -1)));
}

/** IPv4 within IPv6: mapped (RFC 4291) or behind NAT64 (RFC 6052). Undefined: it is no such address. */
function embeddedIPv4(address: string): string | undefined {
  if (!isIPv6(address)) return undefined;
  const canonical = new URL(`http://[${address}]`).hostname;
  const [, high, low] =
    /^\[(?:::ffff:|64:ff9b::)(?:([0-9a-f]{1,4}):)?([0-9a-f]{0,4})\]$/.exec(canonical) ?? [];
  if (low === undefined) return undefined;
  const bits = Number.parseInt(high ?? '0', 16) * 2 ** 16 + Number.parseInt(low || '0', 16);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const [address = '', bits] = range.split('/');
    list.addSubnet(address, Number(bits), isIPv6(address) ? 'ipv6' : 'ipv4');
  }
  return list;
}
