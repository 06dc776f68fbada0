/**
 * May this server connect to that endpoint? It comes from a client, so it could point into our own network.
 *
 * https only, no credentials in the URL, the default port, a public address. Names are checked after resolution
 * and again at connect, by the lookup that the connection itself uses: a name may change its address between
 * the two. Redirects are never followed. `allowPrivate` lifts the rules of port and address, not of https.
 * Address ranges: IANA IPv4 and IPv6 Special-Purpose Address Registries.
 */
import { type LookupAddress, lookup as systemLookup } from 'node:dns'
import { BlockList, isIP, isIPv4, type LookupFunction } from 'node:net'

export interface EndpointRules {
  /** Default false. */
  readonly allowPrivate?: boolean
  /** Default: the system's resolver. */
  readonly lookup?: LookupFunction
}

export interface Endpoint {
  /** `https://host[:port]` */
  readonly origin: string
  /** With the query, byte for byte. */
  readonly path: string
}

export type EndpointCheck =
  | ({ readonly ok: true } & Endpoint)
  | { readonly ok: false; readonly reason: string }

/** The code of the error that ends a connect to an address that is not public. */
export const NOT_PUBLIC = 'ERR_ENDPOINT_NOT_PUBLIC'

const PRIVATE_IPV4 = subnets('ipv4', [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
])
/** All that is public in IPv6 lies in here; mapped, translated and local addresses do not. */
const GLOBAL_IPV6 = subnets('ipv6', [['2000::', 3]])
/** Inside it: IETF protocols with Teredo, documentation, and 6to4, which carries IPv4 addresses. */
const PRIVATE_IPV6 = subnets('ipv6', [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
])

function subnets(family: 'ipv4' | 'ipv6', list: readonly (readonly [string, number])[]): BlockList {
  const block = new BlockList()
  for (const [net, prefix] of list) block.addSubnet(net, prefix, family)
  return block
}

export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !PRIVATE_IPV4.check(address, 'ipv4')
  return GLOBAL_IPV6.check(address, 'ipv6') && !PRIVATE_IPV6.check(address, 'ipv6')
}

/** What the URL alone tells; names are not resolved. The path is kept byte for byte. */
export function checkEndpointUrl(endpoint: string, { allowPrivate = false }: EndpointRules): EndpointCheck {
  // A backslash counts as a slash for some parsers and as a character for others.
  if (/[^\x21-\x7e]|\\/.test(endpoint) || !URL.canParse(endpoint)) return refuse('not a URL')
  const url = new URL(endpoint)
  if (url.protocol !== 'https:') return refuse('not https')
  if (url.username || url.password) return refuse('credentials in the URL')
  if (!allowPrivate && url.port) return refuse(`port ${url.port} instead of 443`)
  const host = hostOf(url)
  if (!allowPrivate && isIP(host) && !isPublicAddress(host)) return refuse('not a public address')
  return { ok: true, origin: url.origin, path: pathOf(endpoint) }
}

/** All behind the host, without a fragment, which no request carries. */
function pathOf(endpoint: string): string {
  const path = /^https:\/*[^/?#]+([^#]*)/i.exec(endpoint)?.[1] ?? ''
  return path.startsWith('/') ? path : `/${path}`
}

/** The URL's own rules, and then every address that its name has now; registration looks at the URL alone. */
export async function checkEndpoint(endpoint: string, rules: EndpointRules = {}): Promise<EndpointCheck> {
  const check = checkEndpointUrl(endpoint, rules)
  if (!check.ok || rules.allowPrivate) return check
  const host = hostOf(new URL(endpoint))
  if (isIP(host)) return check
  const problem = await resolveProblem(host, createGuardedLookup(rules))
  return problem ? refuse(problem) : check
}

function resolveProblem(host: string, lookup: LookupFunction): Promise<string | undefined> {
  return new Promise(resolve => {
    lookup(host, { all: true }, error => {
      if (!error) resolve(undefined)
      else resolve(error.code === NOT_PUBLIC ? 'not a public address' : 'its name does not resolve')
    })
  })
}

/** Give it to the transport that carries Web Push: it fails a connect to a name with any non-public address. */
export function createGuardedLookup(rules: EndpointRules = {}): LookupFunction {
  const lookup: LookupFunction = rules.lookup ?? (systemLookup as LookupFunction)
  if (rules.allowPrivate) return lookup
  return (host, options, callback) => {
    lookup(host, options, (error, found, family) => {
      const addresses: readonly LookupAddress[] = Array.isArray(found)
        ? found
        : [{ address: found, family: family ?? 0 }]
      if (!error && !addresses.every(({ address }) => isPublicAddress(address))) {
        callback(Object.assign(new Error(`${NOT_PUBLIC}: not a public address`), { code: NOT_PUBLIC }), '', 0)
        return
      }
      callback(error, found, family)
    })
  }
}

function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '')
}

function refuse(reason: string): EndpointCheck {
  return { ok: false, reason }
}
