/** An FCM client before a peer that gives access tokens and answers messages as the test says; and FCM's error bodies. */
import { createFcmClient, type FcmClientOptions } from '../src/fcm/client.ts'
import type { FcmAddress } from '../src/fcm/target.ts'
import type { Http2TransportOptions } from '../src/http2-transport.ts'
import type { GatewayClient } from '../src/notification.ts'
import { clockAt, type MovableClock, peerAndTransport, rsaPem } from './fixtures.ts'
import type { Peer, PeerRequest } from './peer.ts'

export type Handle = (request: PeerRequest) => void

export const privateKey = rsaPem()
export const credential = {
  type: 'service_account',
  project_id: 'demo-project',
  private_key_id: 'key-1',
  private_key: privateKey,
  client_email: 'push@demo-project.iam.gserviceaccount.com',
  token_uri: 'https://oauth2.googleapis.com/token',
}

export interface FcmTest {
  readonly client: GatewayClient<FcmAddress>
  readonly options: FcmClientOptions
  readonly clock: MovableClock
  readonly peer: Peer
  sends(): PeerRequest[]
  exchanges(): PeerRequest[]
}

const isExchange = (request: PeerRequest): boolean => request.path === '/token'

/** `exchange` answers the token requests; without it each gets the next of token-1, token-2, … */
export async function fcm(
  handle: Handle,
  exchange?: Handle,
  options: Http2TransportOptions = {},
): Promise<FcmTest> {
  const clock = clockAt('2026-11-02T10:00:00Z')
  let exchanges = 0
  const giveToken: Handle = request => {
    exchanges += 1
    request.answer(200, {}, { access_token: `token-${exchanges}`, expires_in: 3600, token_type: 'Bearer' })
  }
  const { peer, transport } = await peerAndTransport(
    request => (isExchange(request) ? (exchange ?? giveToken)(request) : handle(request)),
    options,
  )
  const clientOptions = {
    credential,
    baseUrl: peer.origin,
    tokenUrl: `${peer.origin}/token`,
    transport,
    clock,
  }
  return {
    client: createFcmClient(clientOptions),
    options: clientOptions,
    clock,
    peer,
    sends: () => peer.requests.filter(request => !isExchange(request)),
    exchanges: () => peer.requests.filter(isExchange),
  }
}

export const accept: Handle = request =>
  request.answer(200, {}, { name: `projects/demo-project/messages/${request.index}` })

/** What a send carried: the body's `message`, and its target. */
export function messageOf(request: PeerRequest | undefined): Record<string, unknown> {
  return (JSON.parse(String(request?.body)) as { message: Record<string, unknown> }).message
}

export function isTrial(request: PeerRequest): boolean {
  return (JSON.parse(String(request.body)) as { validate_only?: boolean }).validate_only === true
}

const FCM_TYPES = 'type.googleapis.com/google.firebase.fcm.v1'
const RPC_TYPES = 'type.googleapis.com/google.rpc'

export const fcmError = (errorCode: string) => ({ '@type': `${FCM_TYPES}.FcmError`, errorCode })
export const apnsError = (statusCode: number, reason: string) => ({
  '@type': `${FCM_TYPES}.ApnsError`,
  statusCode,
  reason,
})
export const errorInfo = (reason: string) => ({ '@type': `${RPC_TYPES}.ErrorInfo`, reason })
export const badRequest = (field: string) => ({
  '@type': `${RPC_TYPES}.BadRequest`,
  fieldViolations: [{ field, description: 'Invalid' }],
})
export const quotaFailure = (description: string) => ({
  '@type': `${RPC_TYPES}.QuotaFailure`,
  violations: [{ subject: 'project:my-device-app', description }],
})

export function errorBody(code: number, status: string, message: string, details: object[] = []): object {
  return { error: { code, message, status, details } }
}

/** Says neither that it is the token nor that it is the payload. */
export const UNCLEAR = errorBody(400, 'INVALID_ARGUMENT', 'Request contains an invalid argument.', [
  fcmError('INVALID_ARGUMENT'),
])

export const ACCESS_TOKEN_REFUSED = errorBody(
  401,
  'UNAUTHENTICATED',
  'Request had invalid authentication credentials. Expected OAuth 2 access token.',
  [errorInfo('ACCESS_TOKEN_EXPIRED')],
)
