/**
 * Device calls over plain HTTP/1.1, for `roost bench register`: keep-alive connections with one call in flight on each,
 * as phones and browsers call (they do not pipeline).
 *
 * Bare sockets instead of `node:http`: a client that costs as much as the server would measure itself. What comes back
 * is read just far enough to know where it ends (RFC 9112, section 6.2: Content-Length) and whether it is a success.
 */
import { connect, type Socket } from 'node:net'

export interface LoadOptions {
  readonly host: string
  readonly port: number
  readonly connections: number
  readonly count: number
  /** The whole of request n, head and body. */
  readonly requestOf: (n: number) => string
  /**
   * Calls a second, begun whether earlier ones were answered or not, and timed from when they were due: a server that
   * stalls is charged for all that had to wait. Absent: each connection calls again when it was answered.
   */
  readonly perSecond?: number
  /** When it ends, answered or not. */
  readonly withinMs: number
}

export interface LoadResult {
  readonly answered: number
  /** Answered, but not with success. */
  readonly refused: number
  /** Connection lost, or no answer in time. */
  readonly lost: number
  readonly seconds: number
  /** Of each answered call. */
  readonly latenciesMs: Float64Array
  /** The first answer that was no success. */
  readonly firstRefusal: string | undefined
}

/** Open calls wait for a free connection, so a turn may begin many of them. */
const TICK_MS = 1

/** One run: `run()` once. */
export class DeviceLoad {
  readonly #options: LoadOptions
  readonly #latencies: Float64Array
  readonly #idle: Connection[] = []
  /** Calls that are due and wait for a connection. */
  readonly #due: { readonly n: number; readonly at: number }[] = []
  #next = 0
  #answered = 0
  #refused = 0
  #open = 0
  #firstRefusal: string | undefined
  #beganAt = 0
  #end: () => void = () => undefined

  constructor(options: LoadOptions) {
    this.#options = options
    this.#latencies = new Float64Array(options.count)
  }

  /** Rejects when the server can't be reached. */
  async run(): Promise<LoadResult> {
    const connections = await Promise.all(
      Array.from({ length: this.#options.connections }, () => this.#connect()),
    )
    const ended = new Promise<void>(resolve => {
      this.#end = resolve
    })
    const deadline = setTimeout(this.#end, this.#options.withinMs)
    this.#beganAt = performance.now()
    const ticker =
      this.#options.perSecond === undefined ? undefined : setInterval(() => this.#tick(), TICK_MS)
    this.#idle.push(...connections)
    if (ticker === undefined) for (const connection of connections) this.#callNext(connection)
    await ended
    const seconds = (performance.now() - this.#beganAt) / 1000
    clearInterval(ticker)
    clearTimeout(deadline)
    for (const connection of connections) connection.close()
    return this.#result(seconds)
  }

  #result(seconds: number): LoadResult {
    return {
      answered: this.#answered,
      refused: this.#refused,
      lost: this.#options.count - this.#answered,
      seconds,
      latenciesMs: this.#latencies.slice(0, this.#answered),
      firstRefusal: this.#firstRefusal,
    }
  }

  #connect(): Promise<Connection> {
    const { host, port } = this.#options
    return new Promise((resolve, reject) => {
      const socket = connect({ host, port, noDelay: true })
      const connection = new Connection(socket, (it, body) => this.#onAnswer(it, body))
      socket.once('error', reject)
      socket.once('connect', () => {
        this.#open++
        resolve(connection)
      })
      socket.once('close', () => this.#onClose())
    })
  }

  /** Begins what is due by now. */
  #tick(): void {
    const { perSecond = 0, count } = this.#options
    const due = Math.min(count, Math.floor(((performance.now() - this.#beganAt) / 1000) * perSecond))
    while (this.#next < due) {
      const call = { n: this.#next, at: this.#beganAt + (this.#next / perSecond) * 1000 }
      this.#next++
      const connection = this.#idle.pop()
      if (connection === undefined) this.#due.push(call)
      else connection.call(this.#options.requestOf(call.n), call.at)
    }
  }

  #callNext(connection: Connection): void {
    const { perSecond, count, requestOf } = this.#options
    if (perSecond === undefined) {
      if (this.#next < count) connection.call(requestOf(this.#next++), performance.now())
      return
    }
    const waiting = this.#due.shift()
    if (waiting === undefined) this.#idle.push(connection)
    else connection.call(requestOf(waiting.n), waiting.at)
  }

  #onAnswer(connection: Connection, answer: string): void {
    this.#latencies[this.#answered++] = performance.now() - connection.calledAt
    if (!isSuccess(answer)) {
      this.#refused++
      this.#firstRefusal ??= answer
    }
    if (this.#answered === this.#options.count) this.#end()
    else this.#callNext(connection)
  }

  /** A call on it is lost; the others go on, as long as there are any. */
  #onClose(): void {
    if (--this.#open === 0) this.#end()
  }
}

/** Clients of the device protocol take HTTP 200 and status_code 200 for success; REST says 202 of what it has taken. */
function isSuccess(answer: string): boolean {
  if (answer.startsWith('HTTP/1.1 202')) return true
  return answer.startsWith('HTTP/1.1 200') && answer.includes('"status_code":200')
}

class Connection {
  readonly #socket: Socket
  readonly #onAnswer: (connection: Connection, answer: string) => void
  #received = ''
  calledAt = 0

  constructor(socket: Socket, onAnswer: (connection: Connection, answer: string) => void) {
    this.#socket = socket
    this.#onAnswer = onAnswer
    socket.setEncoding('latin1') // lengths are in bytes
    socket.on('data', (text: string) => this.#onData(text))
    socket.on('error', () => undefined) // 'close' follows
  }

  call(request: string, at: number): void {
    this.calledAt = at
    this.#socket.write(request, 'latin1')
  }

  close(): void {
    this.#socket.destroy()
  }

  #onData(text: string): void {
    this.#received = this.#received === '' ? text : this.#received + text
    const head = this.#received.indexOf('\r\n\r\n')
    if (head < 0) return
    const length = Number(/content-length: (\d+)/i.exec(this.#received)?.[1])
    if (this.#received.length < head + 4 + length) return
    const answer = this.#received
    this.#received = ''
    this.#onAnswer(this, answer)
  }
}
