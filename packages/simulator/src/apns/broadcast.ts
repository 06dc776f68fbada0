/**
 * The rules of a push to a channel: `POST /4/broadcasts/apps/<bundle id>` on the normal host.
 *
 * Only Live Activities; a channel that keeps nothing takes no expiration but 0. The size limit is not published
 * for broadcasts; 5120 bytes is what is said of them.
 * Source: Apple, "Sending broadcast push notification requests to APNs".
 */
import type { GatewayRequest } from '../gateway/listener.ts'
import { type Channel, isChannelId } from './channels.ts'
import type { ApnsReason } from './refusals.ts'
import { checkHeaders, checkPayload, type PushHeaders } from './request.ts'

const PATH = '/4/broadcasts/apps/'
const PAYLOAD_BYTES = 5120

/** The bundle id in the path; undefined when the path is another one. */
export function appOfBroadcast(path: string): string | undefined {
  if (!path.startsWith(PATH) || path.includes('/', PATH.length)) return undefined
  return path.slice(PATH.length)
}

/** What is wrong with the broadcast, apart from credentials. `find` gives the app's channel of this id. */
export function checkBroadcast(
  request: GatewayRequest,
  headers: PushHeaders,
  payload: unknown,
  find: (channelId: string) => Channel | undefined,
): ApnsReason | undefined {
  const { pushType, channelId } = headers
  if (request.method !== 'POST') return 'MethodNotAllowed'
  if (pushType === undefined) return 'MissingPushType'
  if (pushType !== 'liveactivity') return 'InvalidPushType'
  if (channelId === undefined) return 'MissingChannelId'
  if (!isChannelId(channelId)) return 'BadChannelId'
  const channel = find(channelId)
  if (channel === undefined) return 'ChannelNotRegistered'
  return (
    checkHeaders(headers) ??
    checkExpiration(channel, headers) ??
    checkPayload(request.body, payload, PAYLOAD_BYTES)
  )
}

function checkExpiration({ policy }: Channel, { expiration }: PushHeaders): ApnsReason | undefined {
  return policy === 0 && Number(expiration ?? 0) !== 0 ? 'BadExpirationDate' : undefined
}
