/**
 * The hosts that pushes go to: from a request to its answer, and to the phone.
 *
 * All is decided when the request comes, in one go; only latency and held answers make it wait. So a push costs no
 * promise, and one core serves the load tests of all others.
 * Source: Apple, "Sending notification requests to APNs", "Handling notification responses from APNs".
 */
import type { AcceptedPush } from '../gateway/air.ts'
import { Faults } from '../gateway/faults.ts'
import type { GatewayReply } from '../gateway/listener.ts'
import { WindowLimit } from '../gateway/window-limit.ts'
import { randomUuid } from '../randomness.ts'
import { appOfBroadcast, checkBroadcast } from './broadcast.ts'
import { keepNewest } from './channels.ts'
import type { DeviceToken } from './device-tokens.ts'
import { activityEvent, type Payload, PayloadReader } from './payload.ts'
import { type ApnsReason, type ApnsRefusal, refusalAnswer, refuse, statusOf } from './refusals.ts'
import { checkPayload, checkRequest, isMessageId, pushTypeOf, tokenInPath } from './request.ts'
import {
  type ApnsFault,
  type ApnsHost,
  type ApnsWorld,
  type AskedRequest,
  authorizeChannels,
} from './world.ts'

/** The only status by which Apple ends a token. */
const GONE = 410

export class PushHost implements ApnsHost {
  readonly faults: Faults<ApnsFault>
  readonly #world: ApnsWorld
  readonly #deviceLimit = new WindowLimit()
  readonly #payloads = new PayloadReader()

  constructor(world: ApnsWorld) {
    this.#world = world
    this.faults = new Faults(world.random)
  }

  answer(asked: AskedRequest): GatewayReply | Promise<GatewayReply> {
    const { tally } = this.#world
    const push = this.#read(asked)
    tally.requested('apns')
    tally.attempted(push.target, push.payload.hash)
    const unauthorized = this.#authorize(push)
    const fault = unauthorized === undefined ? this.faults.take(push.target) : undefined
    const reply = this.#decide(push, unauthorized, fault)
    return this.faults.hasToWait(fault) ? this.faults.pace(push.target, fault).then(() => reply) : reply
  }

  #read(asked: AskedRequest): ApnsPush {
    const { request, headers, connection } = asked
    const { path } = request
    const app = appOfBroadcast(path)
    const token = app === undefined ? tokenInPath(path) : undefined
    const device = token === undefined ? undefined : this.#world.tokens.find(token)
    // Field by field: a spread made this a fifth of all that a push costs.
    return {
      request,
      headers,
      connection,
      app,
      token,
      device,
      // The registry's own text: that of the request would hold on to the whole path.
      target: device?.token ?? token ?? headers.channelId ?? '',
      payload: this.#payloads.read(request.body),
      messageId: isMessageId(headers.id) ? headers.id : randomUuid(this.#world.random).toUpperCase(),
      topic: '',
    }
  }

  #authorize(push: ApnsPush): ApnsReason | undefined {
    const { headers, connection, app } = push
    const key = this.#world.access.check(headers, connection)
    if (typeof key === 'string') return key
    connection.prove(this.#world.settings)
    if (app !== undefined) return authorizeChannels(this.#world, app, connection, key)
    const type = pushTypeOf(headers)
    if (type === undefined) return undefined // said of the request later
    const verdict = this.#world.access.topic(headers, type, connection, key)
    if ('reason' in verdict) return verdict.reason
    push.topic = verdict.topic
    return undefined
  }

  #decide(push: ApnsPush, unauthorized: ApnsReason | undefined, fault: ApnsFault | undefined): GatewayReply {
    if (fault !== undefined && 'drop' in fault) return fault.drop
    const refusal = unauthorized === undefined ? this.#refusalOf(push, fault) : refuse(unauthorized)
    if (refusal !== undefined) return this.#refuse(push, refusal)
    this.#accept(push)
    push.connection.succeed(this.#world.settings, this.#world.random)
    return { status: 200, headers: this.#idHeaders(push) }
  }

  #refusalOf(push: ApnsPush, fault: ApnsFault | undefined): ApnsRefusal | undefined {
    if (fault !== undefined) return 'reason' in fault ? fault : undefined
    return push.app === undefined ? this.#judge(push) : this.#judgeBroadcast(push, push.app)
  }

  #refuse(push: ApnsPush, refusal: ApnsRefusal): GatewayReply {
    const { tally, clock, settings } = this.#world
    const status = statusOf(refusal)
    tally.refused('apns', refusal.reason)
    if (status === GONE)
      tally.endTold(push.target, { gateway: 'apns', atMs: clock(), sinceMs: refusal.timestamp })
    push.connection.fail(refusal, status, settings)
    const answer = refusalAnswer(refusal)
    return { ...answer, headers: { ...answer.headers, ...this.#idHeaders(push) } }
  }

  #idHeaders({ connection, messageId }: ApnsPush): Record<string, string> {
    if (connection.environment === 'production') return { 'apns-id': messageId }
    // Only the sandbox gives the key to Apple's delivery log.
    return { 'apns-id': messageId, 'apns-unique-id': randomUuid(this.#world.random) }
  }

  #judge(push: ApnsPush): ApnsRefusal | undefined {
    const { request, headers, token, device, payload, connection, topic } = push
    const reason =
      checkRequest(request, token, headers) ??
      checkPayload(request.body, payload.json, pushTypeOf(headers)?.payloadBytes ?? 0)
    if (reason !== undefined) return refuse(reason)
    return this.#world.tokens.check(device, topic, connection.environment) ?? this.#checkDeviceLimit(push)
  }

  #checkDeviceLimit({ target }: ApnsPush): ApnsRefusal | undefined {
    const { deviceLimit } = this.#world.settings
    if (deviceLimit === undefined) return undefined
    const { pushes, windowMs } = deviceLimit
    const isAllowed = this.#deviceLimit.allows(target, pushes, windowMs, this.#world.clock())
    return isAllowed ? undefined : refuse('TooManyRequests')
  }

  #judgeBroadcast(push: ApnsPush, bundleId: string): ApnsRefusal | undefined {
    const { request, headers, payload, connection } = push
    const find = (id: string) => this.#world.channels.find(bundleId, connection.environment, id)
    const reason = checkBroadcast(request, headers, payload.json, find)
    return reason === undefined ? undefined : refuse(reason)
  }

  #accept(push: ApnsPush): void {
    const { tally, air } = this.#world
    const { target, device, payload, app } = push
    tally.accepted('apns', target, payload.hash)
    if (app !== undefined) return this.#broadcast(push, app)
    if (device === undefined) return
    if (device.death === undefined) {
      air.carry(this.#acceptedPush(push))
      if (device.kind === 'liveactivity' && activityEvent(payload) === 'end')
        this.#world.tokens.expire(target)
    } else if (air.isOnline(target)) this.#world.tokens.notice(device)
  }

  #broadcast(push: ApnsPush, bundleId: string): void {
    const channel = this.#world.channels.find(bundleId, push.connection.environment, push.target)
    if (channel === undefined) return
    const accepted = this.#acceptedPush(push)
    keepNewest(channel, accepted, this.#world.clock())
    for (const token of channel.subscribers)
      if (this.#world.tokens.find(token)?.death === undefined) this.#world.air.carry({ ...accepted, token })
  }

  #acceptedPush({ request, headers, target, payload, messageId }: ApnsPush): AcceptedPush {
    const { expiration } = headers
    const ttlSeconds =
      expiration === undefined
        ? undefined
        : Math.max(0, Number(expiration) - Math.floor(this.#world.clock() / 1000))
    return {
      gateway: 'apns',
      token: target,
      payload: payload.json,
      hash: payload.hash,
      messageId,
      collapseKey: headers.collapseId,
      ttlSeconds,
      headers: apnsHeaders(request.rawHeaders),
    }
  }
}

/** One request on the push hosts: to a device, or to a channel of `app`. */
interface ApnsPush extends AskedRequest {
  /** The bundle id in the path of a broadcast. */
  readonly app: string | undefined
  /** The device token in the path. */
  readonly token: string | undefined
  readonly device: DeviceToken | undefined
  /** The device token or the channel id. */
  readonly target: string
  readonly payload: Payload
  readonly messageId: string
  /** Of the credential or the header; empty until it is allowed. */
  topic: string
}

function apnsHeaders(rawHeaders: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string
    if (name.startsWith('apns-')) headers[name] = rawHeaders[i + 1] as string
  }
  return headers
}
