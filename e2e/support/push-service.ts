/**
 * The browser's side of a push service, as small as Firefox accepts it, with a hand on every fault: for tests
 * of the SDK alone. Whole-path tests use the simulator, which judges senders too.
 *
 * Source: Mozilla autopush, "HTTP/WebSocket endpoints" (sub-protocol `push-notification`).
 */
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'

export interface PushService {
  readonly url: string
  /** Sends an encrypted body to an endpoint and gives back the status: 201, or 410 when it is gone. */
  push(endpoint: string, body: Buffer): number
  /** Endpoints that the service would deliver to. */
  endpoints(): readonly string[]
  /** Forgets an endpoint without telling the browser, as push services do. */
  drop(endpoint: string): void
  /** Cuts the connection and answers the next hello with another identity: the browser loses all it had. */
  forgetBrowser(): void
  close(): Promise<void>
}

interface FromBrowser {
  readonly messageType?: string
  readonly channelID?: string
  readonly uaid?: string
}

export async function startPushService(): Promise<PushService> {
  const http = createServer()
  const sockets = new WebSocketServer({ server: http, handleProtocols: () => 'push-notification' })
  await new Promise<void>(resolve => http.listen(0, '127.0.0.1', resolve))
  const { port } = http.address() as AddressInfo
  /** Channel by endpoint. */
  const channels = new Map<string, string>()
  let uaid = randomBytes(16).toString('hex')
  let browser: WebSocket | undefined

  const answer = (message: FromBrowser): object | undefined => {
    switch (message.messageType) {
      case 'hello':
        return { messageType: 'hello', status: 200, uaid, use_webpush: true, broadcasts: {} }
      case 'register': {
        const pushEndpoint = `http://127.0.0.1:${port}/wpush/${randomUUID()}`
        channels.set(pushEndpoint, message.channelID ?? '')
        return { messageType: 'register', status: 200, channelID: message.channelID, pushEndpoint }
      }
      case 'unregister':
        for (const [endpoint, channel] of channels)
          if (channel === message.channelID) channels.delete(endpoint)
        return { messageType: 'unregister', status: 200, channelID: message.channelID }
      case 'ping':
      case undefined:
        return {}
      default:
        return undefined
    }
  }

  sockets.on('connection', socket => {
    browser = socket
    socket.on('message', (data: Buffer) => {
      const reply = answer(JSON.parse(data.toString()) as FromBrowser)
      if (reply !== undefined) socket.send(JSON.stringify(reply))
    })
  })

  return {
    url: `ws://127.0.0.1:${port}/`,
    push(endpoint, body) {
      const channelID = channels.get(endpoint)
      if (channelID === undefined) return 410
      const headers = { encoding: 'aes128gcm' }
      const data = body.toString('base64url')
      const message = { messageType: 'notification', channelID, version: randomUUID(), data, headers }
      browser?.send(JSON.stringify(message))
      return 201
    },
    endpoints: () => [...channels.keys()],
    drop(endpoint) {
      channels.delete(endpoint)
    },
    forgetBrowser() {
      uaid = randomBytes(16).toString('hex')
      channels.clear()
      browser?.terminate()
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      http.closeAllConnections()
      await new Promise(resolve => http.close(resolve))
    },
  }
}
