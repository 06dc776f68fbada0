/**
 * Who is calling, by the address: which ones belong together, and which are no clients at all.
 */
import { isIPv6 } from 'node:net'

/** What a proxy passes on may be anything. */
const IPV4_CHARACTERS = 15

/**
 * Loopback, private use and link-local (IANA's special-purpose registries, RFC 6890); 100.64.0.0/10 is what carriers give
 * to their clients. Patterns, because `BlockList` takes longer than reading the call and throws at what is no address.
 */
const OWN_IPV4 = /^(127|10|192\.168|169\.254|172\.(1[6-9]|2\d|3[01]))\./
const OWN_IPV6 = /^(::1$|f[cd][\da-f]{2}:|fe[89ab][\da-f]:)/i

export function isOwn(ip: string): boolean {
  const plain = plainOf(ip)
  return OWN_IPV4.test(plain) || OWN_IPV6.test(plain)
}

/**
 * A socket that listens on both shows IPv4 as ::ffff:192.0.2.1 (RFC 4291, 2.5.5.2), and some proxies pass a port on, as
 * 192.0.2.1:51234 or [2001:db8::1]:51234.
 */
function plainOf(ip: string): string {
  const [, bare = ip] = /^\[(.+)\](?::\d+)?$/.exec(ip) ?? /^([\d.]+):\d+$/.exec(ip) ?? []
  return /^::ffff:[\d.]+$/i.test(bare) ? bare.slice('::ffff:'.length) : bare
}

/** What all addresses of one client have in common. */
export function clientOf(ip: string): string {
  const plain = plainOf(ip)
  return isIPv6(plain) ? networkOf(plain) : plain.replaceAll(':', '').slice(0, IPV4_CHARACTERS)
}

/** The first four of the eight groups. */
function networkOf(ip: string): string {
  const [head = '', tail] = ip.split('::')
  const groups = head.split(':').filter(it => it !== '')
  const rest = tail === undefined ? [] : tail.split(':').filter(it => it !== '')
  const zeros = tail === undefined ? 0 : 8 - groups.length - rest.length
  return [...groups, ...Array.from({ length: Math.max(0, zeros) }, () => '0'), ...rest]
    .slice(0, 4)
    .map(it => Number.parseInt(it, 16).toString(16))
    .join(':')
}
