/**
 * Payloads out of bodies. The bodies of a campaign are the same bytes, mostly: the last one is not parsed again.
 */
import { hashOf, isRecord, parseObject } from '../gateway/air.ts'

export interface Payload {
  /** Undefined when the body is no JSON object. */
  readonly json: Readonly<Record<string, unknown>> | undefined
  /** Field `p`. */
  readonly hash: string | undefined
}

export class PayloadReader {
  #body: Buffer = Buffer.alloc(0)
  #payload: Payload = { json: undefined, hash: undefined }

  read(body: Buffer): Payload {
    if (body.equals(this.#body)) return this.#payload
    const json = parseObject(body)
    this.#body = body
    this.#payload = { json, hash: hashOf(json) }
    return this.#payload
  }
}

/** `aps.event` of a Live Activity. */
export function activityEvent({ json }: Payload): unknown {
  const aps = json?.aps
  return isRecord(aps) ? aps.event : undefined
}
