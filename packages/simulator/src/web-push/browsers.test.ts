/**
 * The conversation of a Firefox with its push service, over a real WebSocket.
 */
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { SignJWT } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Simulator, startSimulator } from '../simulator.ts'

type Message = Readonly<Record<string, unknown>>

let simulator: Simulator
const browsers: TestBrowser[] = []
const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const { x = '', y = '' } = publicKey.export({ format: 'jwk' })
const applicationServerKey = Buffer.concat([
  Buffer.of(4),
  Buffer.from(x, 'base64url'),
  Buffer.from(y, 'base64url'),
]).toString('base64url')

beforeEach(async () => {
  simulator = await startSimulator()
})

afterEach(async () => {
  for (const browser of browsers.splice(0)) browser.socket.terminate()
  await simulator.close()
})

class TestBrowser {
  readonly socket: WebSocket
  readonly #received: Message[] = []
  readonly #waiting: ((message: Message) => void)[] = []

  constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('message', data => {
      const message = JSON.parse(String(data)) as Message
      const waiting = this.#waiting.shift()
      if (waiting === undefined) this.#received.push(message)
      else waiting(message)
    })
  }

  static async connect(): Promise<TestBrowser> {
    const socket = new WebSocket(simulator.urls.browserPush, 'push-notification')
    const browser = new TestBrowser(socket)
    browsers.push(browser)
    await new Promise((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
    })
    return browser
  }

  send(message: Message): void {
    this.socket.send(JSON.stringify(message))
  }

  next(): Promise<Message> {
    const message = this.#received.shift()
    return message === undefined
      ? new Promise(resolve => this.#waiting.push(resolve))
      : Promise.resolve(message)
  }

  async ask(message: Message): Promise<Message> {
    this.send(message)
    return this.next()
  }

  hello(uaid?: unknown): Promise<Message> {
    return this.ask({
      messageType: 'hello',
      broadcasts: {},
      use_webpush: true,
      ...(uaid !== undefined && { uaid }),
    })
  }

  async subscribe(channelID = 'channel-1'): Promise<string> {
    const answer = await this.ask({ messageType: 'register', channelID, key: applicationServerKey })
    return String(answer.pushEndpoint)
  }

  async closed(): Promise<void> {
    if (this.socket.readyState === WebSocket.CLOSED) return
    await new Promise(resolve => this.socket.once('close', resolve))
  }
}

async function push(endpoint: string, body: string, ttl = '60', topic?: string): Promise<number> {
  const exp = Math.floor(Date.now() / 1000) + 3600
  const jwt = await new SignJWT({ aud: simulator.urls.webPush, exp, sub: 'mailto:ops@example.com' })
    .setProtectedHeader({ alg: 'ES256', typ: 'JWT' })
    .sign(createPrivateKey(privateKey.export({ type: 'pkcs8', format: 'pem' })))
  const headers = {
    ttl,
    'content-encoding': 'aes128gcm',
    authorization: `vapid t=${jwt}, k=${applicationServerKey}`,
    ...(topic !== undefined && { topic }),
  }
  return new Promise((resolve, reject) => {
    const request = httpsRequest(endpoint, { method: 'POST', ca: simulator.caPem, headers }, response => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
    })
    request.on('error', reject)
    request.end(body)
  })
}

test('a browser says hello, subscribes, is handed a push and acknowledges it', async () => {
  const browser = await TestBrowser.connect()
  const hello = await browser.hello()
  expect(hello).toEqual({
    messageType: 'hello',
    status: 200,
    uaid: hello.uaid,
    use_webpush: true,
    broadcasts: {},
  })
  expect(hello.uaid).toMatch(/^[0-9a-f]{32}$/)
  browser.send({ messageType: 'broadcast_subscribe', broadcasts: {} })
  const answer = await browser.ask({
    messageType: 'register',
    channelID: 'channel-1',
    key: applicationServerKey,
  })
  expect(answer).toMatchObject({ messageType: 'register', status: 200, channelID: 'channel-1' })
  const endpoint = String(answer.pushEndpoint)
  expect(endpoint.startsWith(`${simulator.urls.webPush}/wpush/v2/`)).toBe(true)
  expect(await simulator.webPush.nextSubscription()).toMatchObject({ endpoint, applicationServerKey })

  expect(await push(endpoint, 'sealed')).toBe(201)
  const notification = await browser.next()
  expect(notification).toEqual({
    messageType: 'notification',
    channelID: 'channel-1',
    version: notification.version,
    data: Buffer.from('sealed').toString('base64url'),
    headers: { encoding: 'aes128gcm' },
  })
  const update = { channelID: 'channel-1', version: notification.version, code: 100 }
  browser.send({ messageType: 'ack', updates: [update] })
  const delivery = await simulator.webPush.nextDelivery({ endpoint })
  expect(delivery).toEqual({ endpoint, version: notification.version, isAccepted: true, code: 100 })
  expect(simulator.webPush.browserAcks()).toEqual([delivery])
})

test('a worker that fails is recorded with its code', async () => {
  const browser = await TestBrowser.connect()
  await browser.hello()
  const endpoint = await browser.subscribe()
  await push(endpoint, 'sealed')
  const { version } = await browser.next()
  browser.send({ messageType: 'nack', version, code: 301 })
  expect(await simulator.webPush.nextDelivery({ endpoint })).toMatchObject({ isAccepted: false, code: 301 })
})

test('pings are answered, and unregistering ends the subscription', async () => {
  const browser = await TestBrowser.connect()
  await browser.hello()
  expect(await browser.ask({})).toEqual({})
  expect(await browser.ask({ messageType: 'ping' })).toEqual({})
  const endpoint = await browser.subscribe()
  const left = await browser.ask({ messageType: 'unregister', channelID: 'channel-1', code: 200 })
  expect(left).toEqual({ messageType: 'unregister', status: 200, channelID: 'channel-1' })
  expect(await push(endpoint, 'sealed')).toBe(410)
})

test('a browser that was away keeps its uaid and gets what was kept: the newest of a topic, none with ttl 0', async () => {
  const browser = await TestBrowser.connect()
  const { uaid } = await browser.hello()
  const endpoint = await browser.subscribe()
  simulator.webPush.disconnectBrowsers()
  expect(await push(endpoint, 'old', '60', 'news')).toBe(201)
  expect(await push(endpoint, 'new', '60', 'news')).toBe(201)
  expect(await push(endpoint, 'now or never', '0')).toBe(201)
  expect(await push(endpoint, 'last')).toBe(201)

  const again = await TestBrowser.connect()
  expect((await again.hello(uaid)).uaid).toBe(uaid)
  const bodies = [await again.next(), await again.next()].map(({ data }) =>
    Buffer.from(String(data), 'base64url').toString(),
  )
  expect(bodies).toEqual(['new', 'last'])
})

test('a push that the browser did not acknowledge is sent again when it is back, one that it did is not', async () => {
  const browser = await TestBrowser.connect()
  const { uaid } = await browser.hello()
  const endpoint = await browser.subscribe()
  await push(endpoint, 'first')
  await push(endpoint, 'second')
  const { version } = await browser.next()
  browser.send({ messageType: 'ack', updates: [{ channelID: 'channel-1', version, code: 100 }] })
  await simulator.webPush.nextDelivery({ endpoint })
  browser.socket.terminate()

  const again = await TestBrowser.connect()
  await again.hello(uaid)
  const bodies = [(await again.next()).data, await again.ask({})]
  expect(bodies).toEqual([Buffer.from('second').toString('base64url'), {}])
})

test('a browser lost by the service: its endpoints are gone and it comes back under a new uaid', async () => {
  const browser = await TestBrowser.connect()
  const { uaid } = await browser.hello()
  const endpoint = await browser.subscribe()
  simulator.webPush.dropBrowser()
  await browser.closed()
  expect(await push(endpoint, 'sealed')).toBe(410)
  const again = await TestBrowser.connect()
  expect((await again.hello(uaid)).uaid).not.toBe(uaid)
  expect(await simulator.webPush.nextBrowser({ except: String(uaid) })).toMatchObject({ isKnown: false })
})
