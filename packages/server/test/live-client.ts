/** A device on its live channel, as an app would be: a WebSocket of another library's making, and what came over it. */
import { once } from 'node:events'
import type { ServerFrame } from '@roost/protocol'
import { afterEach } from 'vitest'
import { WebSocket } from 'ws'

export type MessageFrame = Extract<ServerFrame, { type: 'message' }>

interface End {
  readonly code: number
  readonly reason: string
}

export interface LiveDevice {
  readonly socket: WebSocket
  /** All that came, in its order. */
  readonly frames: readonly ServerFrame[]
  say(frame: object): void
  /** The next frame of this type that nobody has waited for; rejects when the channel is closed without one. */
  next<Type extends ServerFrame['type']>(type: Type): Promise<Extract<ServerFrame, { type: Type }>>
  /** Everything that was said before has been taken, and what was on its way has come. */
  settled(): Promise<void>
  /** Code and reason with which the server closes it. */
  readonly closed: Promise<End>
  /** As when the network goes away: without a farewell. */
  drop(): Promise<void>
}

export interface Hello {
  readonly app: string
  readonly deviceToken: string
  readonly hwid: string
  readonly userId?: string | null | undefined
  readonly state?: 'online' | 'background'
  readonly have?: readonly number[]
}

export function openSocket(
  url: string,
  options: ConstructorParameters<typeof WebSocket>[2] = {},
): LiveDevice {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/live/channel`, options)
  const frames: ServerFrame[] = []
  const unread: ServerFrame[] = []
  const waiting: { type: string; resolve: (frame: never) => void; reject: (error: Error) => void }[] = []
  socket.on('message', data => {
    const frame = JSON.parse(String(data)) as ServerFrame
    frames.push(frame)
    const place = waiting.findIndex(it => it.type === frame.type)
    if (place === -1) unread.push(frame)
    else waiting.splice(place, 1)[0]?.resolve(frame as never)
  })
  socket.on('error', () => undefined)
  let end: End | undefined
  const notCome = (type: string, { code, reason }: End) =>
    new Error(`closed with ${code} ${reason} before a frame "${type}" came: ${JSON.stringify(frames.at(-1))}`)
  // Not by `once`, which fails where a connection was refused: that ends with a close, too.
  const ended = new Promise<readonly [number, Buffer]>(resolve => {
    socket.on('close', (code, reason) => resolve([code, reason]))
  })
  const closed = ended.then(([code, reason]) => {
    end = { code: Number(code), reason: String(reason) }
    for (const it of waiting.splice(0)) it.reject(notCome(it.type, end))
    return end
  })
  const device: LiveDevice = {
    socket,
    frames,
    closed,
    say: frame => socket.send(JSON.stringify(frame)),
    next: type => {
      const place = unread.findIndex(it => it.type === type)
      if (place !== -1) return Promise.resolve(unread.splice(place, 1)[0] as never)
      if (end !== undefined) return Promise.reject(notCome(type, end)) // it may have closed before anybody asked
      return new Promise((resolve, reject) => waiting.push({ type, resolve, reject }))
    },
    settled: async () => {
      device.say({ type: 'ping' })
      await device.next('pong')
    },
    drop: async () => {
      socket.terminate()
      await closed
    },
  }
  return device
}

/** Resolves when it is welcome; rejects when it is refused. */
export async function connectLive(url: string, hello: Hello): Promise<LiveDevice> {
  const device = openSocket(url)
  await once(device.socket, 'open')
  device.say({ type: 'hello', userId: null, state: 'online', ...hello })
  await device.next('welcome')
  return device
}

export interface LiveDevices {
  /** As `connectLive`. */
  connect(url: string, hello: Hello): Promise<LiveDevice>
  /** Of a connection that was opened otherwise. */
  add(device: LiveDevice): void
}

/** For a file of tests: devices that are dropped after each test. */
export function liveDevices(): LiveDevices {
  const opened: LiveDevice[] = []
  afterEach(async () => {
    for (const device of opened.splice(0)) await device.drop()
  })
  return {
    connect: async (url, hello) => {
      const device = await connectLive(url, hello)
      opened.push(device)
      return device
    },
    add: device => void opened.push(device),
  }
}
