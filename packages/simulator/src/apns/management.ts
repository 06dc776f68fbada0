/**
 * The two hosts on which an app's broadcast channels are managed: create, read, list, delete.
 *
 * Source: Apple, "Sending channel management requests to APNs". `MissingChannelQueueSize` for a policy that is none, and
 * 404 for the deletion of a channel that is gone, are what implementers saw; which reason a full app gets is not
 * published.
 */
import { isRecord } from '../gateway/air.ts'
import type { GatewayAnswer, GatewayRequest } from '../gateway/listener.ts'
import { type Random, randomUuid } from '../randomness.ts'
import { type Channel, type Channels, isChannelId } from './channels.ts'
import { type ApnsReason, refusalAnswer, refuse } from './refusals.ts'
import { isMessageId, type PushHeaders } from './request.ts'
import type { ApnsEnvironment } from './team-keys.ts'

const PATH = /^\/1\/apps\/(?<bundleId>[A-Za-z0-9.-]+)\/(?<what>channels|all-channels)$/

export interface ManagementPath {
  readonly bundleId: string
  readonly isList: boolean
}

export function managementPath(path: string): ManagementPath | undefined {
  const { bundleId, what } = PATH.exec(path)?.groups ?? {}
  return bundleId === undefined ? undefined : { bundleId, isList: what === 'all-channels' }
}

export interface ManagementContext {
  readonly channels: Channels
  readonly environment: ApnsEnvironment
  readonly random: Random
}

/** The answer to a request whose credentials are good for the app. */
export function manageChannels(
  context: ManagementContext,
  request: GatewayRequest,
  path: ManagementPath,
  headers: PushHeaders,
): GatewayAnswer | ApnsReason {
  const { requestId } = headers
  if (requestId !== undefined && !isMessageId(requestId.toLowerCase())) return 'BadRequestParams'
  if (path.isList) return request.method === 'GET' ? list(context, path) : 'MethodNotAllowed'
  switch (request.method) {
    case 'POST':
      return create(context, path, request.body)
    case 'GET':
      return withChannel(context, path, headers, channel => ({
        status: 200,
        body: JSON.stringify({ 'message-storage-policy': channel.policy, 'push-type': 'LiveActivity' }),
      }))
    case 'DELETE':
      return remove(context, path, headers)
    default:
      return 'MethodNotAllowed'
  }
}

/** With the request's id, its own or one that is made here. */
export function managementAnswer(
  answer: GatewayAnswer | ApnsReason,
  requestId: string | undefined,
  random: Random,
): GatewayAnswer {
  const given = typeof answer === 'string' ? refusalAnswer(refuse(answer)) : answer
  const type = given.body === undefined ? {} : { 'content-type': 'application/json' }
  return {
    ...given,
    headers: { ...type, ...given.headers, 'apns-request-id': requestId ?? randomUuid(random) },
  }
}

function list({ channels, environment }: ManagementContext, { bundleId }: ManagementPath): GatewayAnswer {
  return { status: 200, body: JSON.stringify({ channels: channels.ids(bundleId, environment) }) }
}

function create(
  { channels, environment }: ManagementContext,
  { bundleId }: ManagementPath,
  body: Buffer,
): GatewayAnswer | ApnsReason {
  const wanted = parseJson(body)
  if (!isRecord(wanted)) return 'BadRequestPayload'
  const { 'message-storage-policy': policy, 'push-type': pushType } = wanted
  if (pushType === undefined) return 'MissingPushType'
  if (pushType !== 'LiveActivity') return 'InvalidPushType'
  if (policy !== 0 && policy !== 1) return 'MissingChannelQueueSize'
  const channel = channels.create(bundleId, environment, policy)
  if (channel === undefined) return 'CannotCreateChannelConfig'
  return { status: 201, headers: { 'apns-channel-id': channel.id } }
}

function remove(
  context: ManagementContext,
  path: ManagementPath,
  headers: PushHeaders,
): GatewayAnswer | ApnsReason {
  const answer = withChannel(context, path, headers, channel => {
    context.channels.delete(path.bundleId, context.environment, channel.id)
    return { status: 204 }
  })
  return answer === 'ChannelNotRegistered' ? 'BadPath' : answer
}

function withChannel(
  { channels, environment }: ManagementContext,
  { bundleId }: ManagementPath,
  { channelId }: PushHeaders,
  answer: (channel: Channel) => GatewayAnswer,
): GatewayAnswer | ApnsReason {
  if (channelId === undefined) return 'MissingChannelId'
  if (!isChannelId(channelId)) return 'BadChannelId'
  const channel = channels.find(bundleId, environment, channelId)
  return channel === undefined ? 'ChannelNotRegistered' : answer(channel)
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}
