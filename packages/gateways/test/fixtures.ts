/** What the clients' tests have in common: keys, a clock that is moved, one notification, and clean-up. */
import { generateKeyPairSync, randomUUID } from 'node:crypto'
import { afterEach } from 'vitest'
import type { Clock } from '../src/clock.ts'
import { createHttp2Transport, type Http2TransportOptions } from '../src/http2-transport.ts'
import type { Attempt, Notification } from '../src/notification.ts'
import type { Transport } from '../src/transport.ts'
import { type Peer, type PeerRequest, startPeer } from './peer.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

export interface MovableClock extends Clock {
  move(ms: number): void
}

export function clockAt(iso: string): MovableClock {
  let now = Date.parse(iso)
  return {
    now: () => now,
    move: ms => {
      now += ms
    },
  }
}

/** Ends with the test. */
export function endAfterTest<Resource extends { close(): Promise<void> }>(resource: Resource): Resource {
  closers.push(() => resource.close())
  return resource
}

/** A server and a transport that trusts it; both end with the test. */
export async function peerAndTransport(
  handle: (request: PeerRequest) => void,
  options: Http2TransportOptions = {},
): Promise<{ peer: Peer; transport: Transport }> {
  const peer = endAfterTest(await startPeer(handle))
  const transport = endAfterTest(createHttp2Transport({ extraCa: peer.ca, reconnectMs: 10, ...options }))
  return { peer, transport }
}

export function ecPem(namedCurve = 'P-256'): string {
  return generateKeyPairSync('ec', { namedCurve }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string
}

export function rsaPem(): string {
  return generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({
    type: 'pkcs8',
    format: 'pem',
  }) as string
}

export const NOTIFICATION: Notification = {
  hash: 'h4sh',
  title: 'Hello',
  subtitle: undefined,
  body: 'There you are',
  imageUrl: undefined,
  url: undefined,
  sound: undefined,
  badge: undefined,
  data: undefined,
  ttlSeconds: 3600,
  priority: 'high',
  collapseKey: undefined,
}

export function attemptTo<Address>(
  address: Address,
  overrides: Partial<Notification> = {},
): Attempt<Address> {
  return { deliveryId: randomUUID(), address, notification: { ...NOTIFICATION, ...overrides } }
}
