/**
 * The conversation of a Chrome with Google, over real TLS. That a real one understands it is for the end-to-end tests.
 */
import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { connect, type TLSSocket } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../simulator.ts'
import { MCS_TAG, type McsMessage, McsReader } from './mcs.ts'
import { ProtoFields, ProtoWriter, writeVarint } from './protobuf.ts'

const KEY = Buffer.alloc(65, 4).toString('base64url')
const APP = { app: 'org.chromium.linux', 'X-subtype': 'wp:https://shop.example/#1', sender: KEY }

let now = 0
let simulator: Simulator
const sockets: TLSSocket[] = []

beforeEach(async () => {
  now = Date.parse('2026-11-01T12:00:00Z')
  simulator = await startSimulator({ clock: () => now })
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await simulator.close()
})

interface Identity {
  readonly androidId: bigint
  readonly securityToken: bigint
}

/** The browser's side of the stream. */
class Stream {
  readonly socket: TLSSocket
  readonly #reader = new McsReader()
  readonly #received: McsMessage[] = []
  #wake: () => void = () => {}
  count = 0

  constructor(socket: TLSSocket) {
    this.socket = socket
    socket.on('data', (chunk: Buffer) => {
      this.#received.push(...this.#reader.read(chunk))
      this.#wake()
    })
  }

  /** Byte by byte when `isSlow`: however the bytes arrive, they are one message. */
  static async open(identity: Identity, received: readonly string[] = [], isSlow = false): Promise<Stream> {
    const socket = await dial()
    const login = new ProtoWriter().bytes(1, 'chrome').bytes(2, 'mcs.android.com')
    login.bytes(3, String(identity.androidId)).bytes(4, String(identity.androidId))
    login.bytes(5, String(identity.securityToken))
    for (const id of received) login.bytes(10, id)
    const bytes = Buffer.concat([Buffer.of(41), frame(MCS_TAG.loginRequest, login)])
    if (isSlow) for (const byte of bytes) socket.write(Buffer.of(byte))
    else socket.write(bytes)
    return new Stream(socket)
  }

  async next(): Promise<McsMessage> {
    while (this.#received.length === 0) await new Promise<void>(resolve => (this.#wake = resolve))
    this.count++
    return this.#received.shift() as McsMessage
  }

  /** Says that all that was read so far is here. */
  acknowledge(): void {
    this.socket.write(frame(MCS_TAG.iqStanza, new ProtoWriter().varint(2, 1).varint(10, this.count)))
  }

  ping(): void {
    this.socket.write(frame(MCS_TAG.heartbeatPing, new ProtoWriter()))
  }
}

describe('check-in and registration', () => {
  test('a browser that checks in again keeps its identity, one with a wrong secret gets a new one', async () => {
    const first = await checkIn()
    expect(await checkIn(first)).toEqual(first)
    const other = await checkIn({ ...first, securityToken: first.securityToken + 1n })
    expect(other.androidId).not.toBe(first.androidId)
  })

  test('a registration gives the same token until it is ended, and is refused to strangers', async () => {
    const { chrome } = simulator.webPush
    const identity = await checkIn()
    const token = await register(identity)
    expect(await register(identity)).toBe(token)
    expect(await chrome.nextSubscription()).toEqual({ token, applicationServerKey: KEY })
    expect(await register({ ...identity, securityToken: 1n })).toBe('Error=AUTHENTICATION_FAILED')
    await unregister(identity, { sender: '*' })
    expect(await chrome.nextUnsubscription({ token })).toMatchObject({ token })
    expect(chrome.find(`/fcm/send/${token}`)).toMatchObject({ isGone: true })
    expect(await register(identity)).not.toBe(token)
  })

  test('nonsense is a bad request', async () => {
    const { checkIn: url, registration } = simulator.urls.chrome
    expect((await post(url, Buffer.of(0x0a, 0xff, 0x01))).status).toBe(400)
    expect((await post(`${registration}/else`, '')).status).toBe(404)
  })
})

describe('the stream', () => {
  test('carries a message with its app, its encoding and its body, and hears that it arrived', async () => {
    const identity = await checkIn()
    const token = await register(identity)
    const stream = await Stream.open(identity, [], true)
    expect((await stream.next()).tag).toBe(MCS_TAG.loginResponse)
    push(token, { messageId: 'first' })
    const { tag, fields } = await stream.next()
    expect(tag).toBe(MCS_TAG.dataMessageStanza)
    expect([fields.text(3), fields.text(5), fields.text(9)]).toEqual([KEY, APP.app, 'first'])
    expect(fields.allBytes(7).map(readAppData)).toEqual([
      ['subtype', APP['X-subtype']],
      ['content-encoding', 'aes128gcm'],
    ])
    expect(fields.text(21)).toBe('body')
    expect(simulator.webPush.chrome.receipts()).toEqual([])
    stream.acknowledge()
    expect(await simulator.webPush.chrome.nextReceipt()).toEqual({ token, messageId: 'first' })
  })

  test('brings what was missed, in order: the newest of a topic, nothing whose time is over', async () => {
    const identity = await checkIn()
    const token = await register(identity)
    push(token, { messageId: 'over', ttlSeconds: 10 })
    push(token, { messageId: 'now or never', ttlSeconds: 0 })
    push(token, { messageId: 'old news', topic: 'news' })
    push(token, { messageId: 'kept' })
    push(token, { messageId: 'news', topic: 'news' })
    now += 10_000
    expect(await idsAfterLogin(await Stream.open(identity))).toEqual(['kept', 'news'])
  })

  test('does not repeat what the browser has: acknowledged before, or named at the login', async () => {
    const identity = await checkIn()
    const token = await register(identity)
    const first = await Stream.open(identity)
    await first.next()
    push(token, { messageId: 'acknowledged' })
    await first.next()
    first.acknowledge()
    await simulator.webPush.chrome.nextReceipt()
    push(token, { messageId: 'named' })
    push(token, { messageId: 'lost' })
    await first.next()
    simulator.webPush.chrome.disconnect()
    expect(await idsAfterLogin(await Stream.open(identity, ['named']))).toEqual(['lost'])
    expect(simulator.webPush.chrome.receipts()).toHaveLength(2)
  })

  test('is closed to a stranger, after the reason, and to other protocols', async () => {
    const identity = await checkIn()
    const stranger = await Stream.open({ ...identity, securityToken: 1n })
    const refusal = await stranger.next()
    expect(new ProtoFields(refusal.fields.bytes(3) as Buffer).number(1)).toBe(401)
    await once(stranger.socket, 'close')
    const other = await dial()
    other.resume().write('GET / HTTP/1.1\r\n\r\n')
    await once(other, 'close')
    expect(simulator.webPush.chrome.logins()).toBe(0)
  })
})

async function dial(): Promise<TLSSocket> {
  const { hostname: host, port } = new URL(simulator.urls.chrome.stream)
  const socket = connect({ host, port: Number(port), ca: simulator.caPem })
  socket.on('error', () => socket.destroy())
  sockets.push(socket)
  await once(socket, 'secureConnect')
  return socket
}

/** Ids of the messages up to the answer to a heartbeat, which comes after them. */
async function idsAfterLogin(stream: Stream): Promise<string[]> {
  stream.ping()
  expect((await stream.next()).tag).toBe(MCS_TAG.loginResponse)
  const ids: string[] = []
  for (;;) {
    const { tag, fields } = await stream.next()
    if (tag === MCS_TAG.heartbeatAck) return ids
    ids.push(fields.text(9) ?? '')
  }
}

function push(
  token: string,
  options: { readonly messageId: string; readonly topic?: string; readonly ttlSeconds?: number },
): void {
  const { messageId, topic, ttlSeconds = 60 } = options
  const body = Buffer.from('body')
  simulator.webPush.chrome.deliver(`/fcm/send/${token}`, { messageId, topic, ttlSeconds, body })
}

async function checkIn(known?: Identity): Promise<Identity> {
  const request = new ProtoWriter().varint(14, 3)
  if (known !== undefined) request.fixed64(2, known.androidId).fixed64(13, known.securityToken)
  const { status, body } = await post(simulator.urls.chrome.checkIn, request.finish())
  const fields = new ProtoFields(body)
  expect([status, fields.number(1)]).toEqual([200, 1])
  return { androidId: fields.bigint(7) ?? 0n, securityToken: fields.bigint(8) ?? 0n }
}

/** The token, or what the service says instead. */
async function register(identity: Identity): Promise<string> {
  return (await sendForm(identity, {})).replace('token=', '')
}

async function unregister(identity: Identity, fields: Readonly<Record<string, string>>): Promise<void> {
  await sendForm(identity, { ...fields, delete: 'true' })
}

async function sendForm(identity: Identity, fields: Readonly<Record<string, string>>): Promise<string> {
  const form = new URLSearchParams({ ...APP, device: String(identity.androidId), ...fields })
  const authorization = `AidLogin ${identity.androidId}:${identity.securityToken}`
  return (await post(simulator.urls.chrome.registration, form.toString(), { authorization })).body.toString()
}

function post(
  url: string,
  body: Buffer | string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ readonly status: number; readonly body: Buffer }> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(url, { method: 'POST', ca: simulator.caPem, headers }, response => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }))
    })
    request.on('error', reject)
    request.end(body)
  })
}

function frame(tag: number, message: ProtoWriter): Buffer {
  const bytes = message.finish()
  return Buffer.concat([Buffer.of(tag), writeVarint(bytes.length), bytes])
}

function readAppData(bytes: Buffer): (string | undefined)[] {
  const fields = new ProtoFields(bytes)
  return [fields.text(1), fields.text(2)]
}
