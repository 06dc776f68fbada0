/**
 * The hosts on which broadcast channels are managed: from a request to its answer.
 * Source: Apple, "Sending channel management requests to APNs".
 */
import { Faults } from '../gateway/faults.ts'
import type { GatewayReply } from '../gateway/listener.ts'
import { type ManagementPath, manageChannels, managementAnswer, managementPath } from './management.ts'
import { type ApnsReason, refusalAnswer } from './refusals.ts'
import {
  type ApnsFault,
  type ApnsHost,
  type ApnsWorld,
  type AskedRequest,
  authorizeChannels,
} from './world.ts'

interface ManagementRequest extends AskedRequest {
  readonly path: ManagementPath | undefined
  readonly unauthorized: ApnsReason | undefined
  readonly fault: ApnsFault | undefined
}

export class ManagementHost implements ApnsHost {
  readonly faults: Faults<ApnsFault>
  readonly #world: ApnsWorld

  constructor(world: ApnsWorld) {
    this.#world = world
    this.faults = new Faults(world.random)
  }

  answer(asked: AskedRequest): GatewayReply | Promise<GatewayReply> {
    const path = managementPath(asked.request.path)
    const target = path?.bundleId ?? ''
    const unauthorized = path === undefined ? 'BadPath' : this.#authorize(path, asked)
    const fault = unauthorized === undefined ? this.faults.take(target) : undefined
    const reply = this.#decide({ ...asked, path, unauthorized, fault })
    return this.faults.hasToWait(fault) ? this.faults.pace(target, fault).then(() => reply) : reply
  }

  #authorize({ bundleId }: ManagementPath, { headers, connection }: AskedRequest): ApnsReason | undefined {
    const key = this.#world.access.check(headers, connection)
    if (typeof key === 'string') return key
    connection.prove(this.#world.settings)
    return authorizeChannels(this.#world, bundleId, connection, key)
  }

  #decide(asked: ManagementRequest): GatewayReply {
    const { request, headers, connection, path, unauthorized, fault } = asked
    const { random, channels } = this.#world
    if (fault !== undefined && 'drop' in fault) return fault.drop
    if (fault !== undefined && 'reason' in fault)
      return managementAnswer(refusalAnswer(fault), headers.requestId, random)
    const context = { channels, environment: connection.environment, random }
    const answer =
      path === undefined || unauthorized !== undefined
        ? (unauthorized ?? 'BadPath')
        : manageChannels(context, request, path, headers)
    return managementAnswer(answer, headers.requestId, random)
  }
}
