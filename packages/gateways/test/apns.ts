/** A peer that answers as APNs does, and a client of it with a key. */
import type { SecureServerOptions } from 'node:http2'
import type { ApnsTokenCredential } from '../src/apns/auth.ts'
import { type ApnsClientOptions, createApnsClient } from '../src/apns/client.ts'
import { createHttp2Transport, type Http2TransportOptions } from '../src/http2-transport.ts'
import type { Transport } from '../src/transport.ts'
import { clockAt, ecPem, endAfterTest, type MovableClock } from './fixtures.ts'
import { type Peer, type PeerRequest, startPeer } from './peer.ts'

export const MINUTE = 60_000
export const DEVICE_TOKEN = 'ab'.repeat(32)
export const credential: ApnsTokenCredential = {
  keyId: 'KEY1234567',
  teamId: 'TEAM123456',
  bundleId: 'com.example.app',
  p8: ecPem(),
}

export interface ApnsFixture {
  readonly clock: MovableClock
  readonly peer: Peer
  readonly transport: Transport
  readonly common: ApnsClientOptions
  readonly client: ReturnType<typeof createApnsClient>
}

export async function apns(
  handle: (request: PeerRequest) => void,
  options: Http2TransportOptions = {},
  peerOptions: SecureServerOptions = {},
): Promise<ApnsFixture> {
  const clock = clockAt('2026-11-02T10:00:00Z')
  const peer = endAfterTest(await startPeer(handle, peerOptions))
  const transport = endAfterTest(
    createHttp2Transport({ extraCa: peer.ca, reconnectMs: 10, assumedStreams: 1, ...options }),
  )
  const common = { credential, environment: 'production', baseUrl: peer.origin, transport, clock } as const
  return { clock, peer, transport, common, client: createApnsClient(common) }
}

export const accept = (request: PeerRequest): void =>
  request.answer(200, { 'apns-id': request.headers['apns-id'] })

export const refuse =
  (status: number, reason: string, extra: object = {}) =>
  (request: PeerRequest): void =>
    request.answer(status, { 'content-type': 'application/json' }, { reason, ...extra })

/** What each session is answered, by the order in which they came; the last one stands for all that follow. */
export function bySession(
  peerOf: () => Peer,
  ...handlers: readonly ((request: PeerRequest) => void)[]
): (request: PeerRequest) => void {
  return request => {
    const at = peerOf().sessions.indexOf(request.session)
    handlers[Math.min(at, handlers.length - 1)]?.(request)
  }
}

export function jwtOf(request: PeerRequest | undefined): string {
  return String(request?.headers.authorization).replace('bearer ', '')
}
