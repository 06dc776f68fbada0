/**
 * `node --import map-names.mjs`: a name server and a router in one, for a process whose hosts and ports are fixed.
 *
 * Names in ROOST_TEST_NAMES (`{"fcm.googleapis.com":"127.0.0.1:40123"}`) are found at the place given there whatever
 * port is asked for; all else is as ever, and TLS still checks the name itself. It needs no privileges, where a hosts
 * file and a port 443 of its own would need root and capabilities that a container rarely has.
 */
import dns from 'node:dns'
import { syncBuiltinESMExports } from 'node:module'
import net from 'node:net'

/** @typedef {{ readonly host: string, readonly port: number }} Place */

/** Each name gets an address of its own, so that who resolves first and connects to that arrives as well. */
/** @type {Map<string, string>} */
const addresses = new Map()
/** By name and by address. */
/** @type {Map<unknown, Place>} */
const places = new Map()
for (const [name, text] of Object.entries(JSON.parse(process.env.ROOST_TEST_NAMES ?? '{}'))) {
  const [host = '', port] = String(text).split(':')
  const address = `127.77.0.${addresses.size + 1}`
  addresses.set(name, address)
  for (const asked of [name, address]) places.set(asked, { host, port: Number(port) })
}

const { lookup } = dns
const { connect } = net.Socket.prototype

/** @param {string} host @param {...any} rest options, if any, and the callback */
function lookupMapped(host, ...rest) {
  const address = addresses.get(host)
  if (address === undefined) return Reflect.apply(lookup, dns, [host, ...rest])
  const done = rest.at(-1)
  const isAll = rest[0]?.all === true
  process.nextTick(() => (isAll ? done(null, [{ address, family: 4 }]) : done(null, address, 4)))
}

/**
 * Node's own callers hand all arguments over as one array. The options are copied: TLS reads the name from them later.
 * @this {net.Socket} @param {...any} given
 */
function connectMapped(...given) {
  const list = Array.isArray(given[0]) ? given[0] : given
  const place = places.get(list[0]?.host)
  if (place !== undefined) list[0] = { ...list[0], ...place }
  return Reflect.apply(connect, this, given)
}

Object.assign(dns, { lookup: lookupMapped })
Object.assign(net.Socket.prototype, { connect: connectMapped })
syncBuiltinESMExports()
