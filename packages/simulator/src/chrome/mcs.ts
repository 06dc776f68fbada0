/**
 * The stream that a Chrome keeps open to Google: one byte of version, then messages of tag, length and bytes.
 *
 *     version, LoginRequest -> version, LoginResponse -> (DataMessageStanza -> IqStanza | HeartbeatPing)* -> Close
 *
 * Each side counts what it sends, from 1; an acknowledgement is the count of the last message that the other side has.
 * Source: Chromium, google_apis/gcm/protocol/mcs.proto and google_apis/gcm/engine/connection_handler_impl.cc.
 */
import { ProtoFields, ProtoWriter, readVarint, writeVarint } from './protobuf.ts'

const VERSION = 41
/** Chrome's own messages are a few hundred bytes. */
const MAX_MESSAGE_BYTES = 65_536

export const MCS_TAG = {
  heartbeatPing: 0,
  heartbeatAck: 1,
  loginRequest: 2,
  loginResponse: 3,
  close: 4,
  iqStanza: 7,
  dataMessageStanza: 8,
} as const

/** The field of each message that acknowledges; the other messages have none. */
const ACKNOWLEDGES: Readonly<Record<number, number>> = {
  [MCS_TAG.heartbeatPing]: 2,
  [MCS_TAG.heartbeatAck]: 2,
  [MCS_TAG.iqStanza]: 10,
  [MCS_TAG.dataMessageStanza]: 11,
}

export interface McsMessage {
  readonly tag: number
  readonly fields: ProtoFields
  /** How many of our messages the other side has; undefined when it does not say. */
  readonly acknowledged: number | undefined
}

export interface McsLogin {
  readonly androidId: string
  readonly securityToken: string
  /** What the browser had received when its last connection ended. */
  readonly receivedIds: readonly string[]
}

export interface McsPush {
  readonly persistentId: string
  readonly category: string
  readonly subtype: string
  readonly sender: string
  /** Undefined without a topic. */
  readonly collapseKey: string | undefined
  readonly ttlSeconds: number
  readonly sentAtMs: number
  /** Encrypted with `aes128gcm`, or empty. */
  readonly body: Buffer
}

/** Puts the messages together again from however the bytes arrive. */
export class McsReader {
  #waiting: Buffer = Buffer.alloc(0)
  #hasVersion = false

  /** Throws on bytes that are not of this protocol. */
  read(chunk: Buffer): McsMessage[] {
    this.#waiting = Buffer.concat([this.#waiting, chunk])
    this.#readVersion()
    const messages: McsMessage[] = []
    for (let message = this.#next(); message !== undefined; message = this.#next()) messages.push(message)
    return messages
  }

  #readVersion(): void {
    const version = this.#waiting[0]
    if (this.#hasVersion || version === undefined) return
    if (version !== VERSION) throw new Error(`MCS version ${version}; this is ${VERSION}`)
    this.#hasVersion = true
    this.#waiting = this.#waiting.subarray(1)
  }

  #next(): McsMessage | undefined {
    const [tag] = this.#waiting
    const size = readVarint(this.#waiting, 1)
    if (tag === undefined || size === undefined) return undefined
    if (size.value > MAX_MESSAGE_BYTES) throw new Error(`an MCS message of ${size.value} bytes`)
    const end = size.end + Number(size.value)
    if (end > this.#waiting.length) return undefined
    const fields = new ProtoFields(this.#waiting.subarray(size.end, end))
    this.#waiting = this.#waiting.subarray(end)
    const field = ACKNOWLEDGES[tag]
    return { tag, fields, acknowledged: field === undefined ? undefined : fields.number(field) }
  }
}

export function readLogin({ fields }: McsMessage): McsLogin {
  return {
    androidId: fields.text(3) ?? '',
    securityToken: fields.text(5) ?? '',
    receivedIds: fields.allBytes(10).map(id => id.toString()),
  }
}

/** The first answer on a connection, so the version goes before it. */
export function loginResponse(nowMs: number): Buffer {
  const message = new ProtoWriter().bytes(1, 'login').varint(6, 1).varint(8, nowMs)
  return Buffer.concat([Buffer.of(VERSION), frame(MCS_TAG.loginResponse, message)])
}

/** Chrome asks for a new identity at the check-in after it. */
export function loginRefusal(): Buffer {
  const error = new ProtoWriter().varint(1, 401).bytes(2, 'Authentication failed')
  const message = new ProtoWriter().bytes(1, 'login').bytes(3, error.finish())
  return Buffer.concat([Buffer.of(VERSION), frame(MCS_TAG.loginResponse, message)])
}

export function heartbeatAck(): Buffer {
  return frame(MCS_TAG.heartbeatAck, new ProtoWriter())
}

/**
 * `immediate_ack` has Chrome say at once that it has the message, where it would else wait for ten of them or for the
 * next heartbeat.
 */
export function dataMessage(push: McsPush): Buffer {
  const message = new ProtoWriter().bytes(3, push.sender).bytes(5, push.category)
  if (push.collapseKey !== undefined) message.bytes(6, push.collapseKey)
  message.bytes(7, appData('subtype', push.subtype))
  if (push.body.length > 0) message.bytes(7, appData('content-encoding', 'aes128gcm'))
  message.bytes(9, push.persistentId)
  message.varint(17, push.ttlSeconds).varint(18, Math.floor(push.sentAtMs / 1000))
  if (push.body.length > 0) message.bytes(21, push.body)
  return frame(MCS_TAG.dataMessageStanza, message.varint(24, 1))
}

function appData(key: string, value: string): Buffer {
  return new ProtoWriter().bytes(1, key).bytes(2, value).finish()
}

function frame(tag: number, message: ProtoWriter): Buffer {
  const bytes = message.finish()
  return Buffer.concat([Buffer.of(tag), writeVarint(bytes.length), bytes])
}
