/**
 * How many connections are held open, and how many calls are in hand: an idle connection costs a descriptor and some
 * kilobytes, and without descriptors neither the database nor a gateway can be dialled; a call in hand costs its body.
 */
import { readFileSync } from 'node:fs'
import type { Server } from 'node:http'
import { BlockList, isIPv6, type Socket } from 'node:net'
import { PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import { clientOf, isOwn } from './client-address.ts'

export interface ConnectionLimitOptions {
  /** 0 = no limit. */
  readonly connectionsPerClient: number
  /** Proxies hold the connections of many. */
  readonly trustedProxies: readonly string[]
  /** Default: where the connection comes from. */
  readonly addressOf?: (socket: Socket) => string | undefined
}

/** For the database, gateways, webhooks, files. */
const DESCRIPTORS_KEPT = 512
/** Seconds of work for a server with two cores; whoever came later would have gone before it was their turn. */
const CALLS_IN_HAND = 10_000

/** A connection above a limit is closed at once, before anything is read from it. */
export function limitConnections(server: Server, options: ConnectionLimitOptions): void {
  const max = maxConnectionsHere()
  if (max !== undefined) server.maxConnections = max
  if (options.connectionsPerClient === 0) return
  const { addressOf = socket => socket.remoteAddress } = options
  const proxies = blockListOf(options.trustedProxies)
  const open = new Map<string, number>()
  const counted = new WeakSet<Socket>()
  server.on('connection', (socket: Socket) => {
    // One that has offered another protocol begins anew with each such call (live/route.ts), and is one all the same.
    if (counted.has(socket)) return
    const address = addressOf(socket)
    if (address === undefined) return // gone already
    if (isOwn(address) || proxies.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return
    const client = clientOf(address)
    const count = (open.get(client) ?? 0) + 1
    if (count > options.connectionsPerClient) {
      socket.destroy()
      return
    }
    open.set(client, count)
    counted.add(socket)
    socket.once('close', () => {
      const left = (open.get(client) ?? 1) - 1
      if (left === 0) open.delete(client)
      else open.set(client, left)
    })
  })
}

/** As many as the descriptors of a process allow; undefined where nobody knows how many those are. */
export function maxConnectionsHere(): number | undefined {
  const descriptors = readDescriptorLimit()
  return descriptors === undefined
    ? undefined
    : Math.floor(Math.max(descriptors - DESCRIPTORS_KEPT, descriptors / 2))
}

/** Linux; elsewhere nobody knows. Node raises the soft limit to the hard one when it starts. */
export function readDescriptorLimit(): number | undefined {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
    return soft === undefined ? undefined : Number(soft)
  } catch {
    return undefined
  }
}

function blockListOf(places: readonly string[]): BlockList {
  const list = new BlockList()
  for (const place of places) {
    const [address = '', bits] = place.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

/** Calls that come while too many wait are answered 503 at once, instead of all of them too late. */
export function limitCallsInHand(app: FastifyInstance, max: number = CALLS_IN_HAND): void {
  let inHand = 0
  app.addHook('onRequest', async (_request, reply) => {
    inHand++
    reply.raw.once('close', () => {
      inHand--
    })
    if (inHand > max) throw new PushError('not_ready', `${max} calls wait already`)
  })
}
