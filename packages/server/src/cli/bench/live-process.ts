/**
 * Devices of `roost bench live`, thousands in one process: they connect, and tell when messages have come. Each acknowledges what it gets,
 * as an app does.
 *
 * Times are of the machine's clock with its fractions of a millisecond, which all of its processes share.
 */
import type { ServerFrame } from '@roost/protocol'
import { hwidOf, userOf } from './device-calls.ts'
import { percentile } from './figures.ts'
import { now } from './live-devices.ts'
import { LiveSocket } from './live-socket.ts'

export type LiveOrder =
  | {
      readonly do: 'connect'
      readonly url: string
      readonly path: string
      readonly app: string
      readonly deviceToken: string
      readonly first: number
      readonly count: number
    }
  /** Report when so many of these devices have got the message with this title. */
  | { readonly do: 'watch'; readonly title: string; readonly count: number }
  /** Orders are taken one after the other: say that those before are. */
  | { readonly do: 'answer' }

export type LiveReport =
  | { readonly progress: number }
  | { readonly ready: true }
  | { readonly connected: number; readonly seconds: number }
  | {
      readonly arrived: string
      readonly firstAt: number
      readonly medianAt: number
      readonly lastAt: number
      /** It came to a device that had it. */
      readonly repeated: number
    }
  | { readonly fault: string }

/** Ports of one address that are used. */
const SOCKETS_PER_ADDRESS = 20_000
const FIRST_PORT = 20_000
const CONNECTING_AT_ONCE = 100

interface Watch {
  readonly title: string
  readonly times: Float64Array
  readonly seqs: Set<number>
  repeated: number
}

const sockets = new Set<LiveSocket>()
const welcomed = new WeakMap<LiveSocket, () => void>()
const watches = new Map<string, Watch>()
let isLeaving = false

function tell(report: LiveReport): void {
  process.send?.(report)
}

async function connectAll(order: Extract<LiveOrder, { do: 'connect' }>): Promise<void> {
  const began = performance.now()
  let next = order.first
  const end = order.first + order.count
  const connectSome = async () => {
    while (next < end) {
      await connectOne(order, next++)
      if (sockets.size % 500 === 0) tell({ progress: sockets.size })
    }
  }
  await Promise.all(Array.from({ length: CONNECTING_AT_ONCE }, connectSome))
  tell({ connected: sockets.size, seconds: (performance.now() - began) / 1000 })
}

/** Resolves when it is welcome. */
async function connectOne(
  { url, path, app, deviceToken }: Extract<LiveOrder, { do: 'connect' }>,
  n: number,
): Promise<void> {
  const { hostname, port } = new URL(url)
  const socket = await LiveSocket.open({
    host: hostname,
    port: Number(port),
    path,
    localAddress: `127.0.0.${2 + Math.floor(n / SOCKETS_PER_ADDRESS)}`,
    localPort: FIRST_PORT + (n % SOCKETS_PER_ADDRESS),
    onText,
    onClose: it => {
      sockets.delete(it)
      if (!isLeaving) tell({ fault: `the server has closed the channel of device ${n}` })
    },
  })
  sockets.add(socket)
  const isWelcome = new Promise<void>(resolve => welcomed.set(socket, resolve))
  socket.say({ type: 'hello', app, deviceToken, hwid: hwidOf(n), userId: userOf(n), state: 'online' })
  await isWelcome
}

function onText(socket: LiveSocket, text: Buffer): void {
  const at = now()
  const frame = JSON.parse(text.toString()) as ServerFrame
  if (frame.type === 'welcome') welcomed.get(socket)?.()
  if (frame.type === 'error') tell({ fault: frame.detail })
  if (frame.type !== 'message') return
  socket.say({ type: 'ack', seqs: [frame.seq] })
  const watch = watches.get(frame.notification.title ?? '')
  if (watch !== undefined) note(watch, frame.seq, at)
}

function note(watch: Watch, seq: number, at: number): void {
  if (watch.seqs.has(seq)) watch.repeated++
  else watch.times[watch.seqs.size] = at
  watch.seqs.add(seq)
  if (watch.seqs.size < watch.times.length) return
  watches.delete(watch.title)
  const { title: arrived, times, repeated } = watch
  const [medianAt, lastAt] = [percentile(times, 0.5), percentile(times, 1)]
  tell({ arrived, firstAt: times[0] ?? 0, medianAt, lastAt, repeated })
}

process.on('message', (order: LiveOrder) => {
  if (order.do === 'connect')
    return void connectAll(order).catch((error: Error) => tell({ fault: error.message }))
  if (order.do === 'answer') return tell({ ready: true })
  const { title, count } = order
  watches.set(title, { title, times: new Float64Array(count), seqs: new Set(), repeated: 0 })
})
process.on('disconnect', () => {
  isLeaving = true
  process.exit()
})
