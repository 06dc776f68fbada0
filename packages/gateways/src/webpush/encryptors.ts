/**
 * Encryption of Web Push messages on threads: one costs about a tenth of a millisecond of pure arithmetic, so the
 * calling thread alone would do some thousands a second and nothing else meanwhile.
 *
 * Messages of one turn of the event loop travel in batches, one buffer each way. A few messages are encrypted where they
 * are: threads start when enough wait. A thread that dies takes nothing with it: its messages are encrypted on the
 * calling thread, and another is started, until several in a row die without having done anything.
 */
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { type EncryptionInput, encrypt, packMessages, unpackBodies } from './aes128gcm.js'

export interface EncryptorsOptions {
  /** At most so many; they start as messages wait. 0: the calling thread does it all. Default: cores, at most 8. */
  readonly threads?: number
  /** How many messages have to wait for the first thread to start. Default 16. */
  readonly threshold?: number
}

export interface Encryptors {
  /**
   * The body of the request; `undefined` when `receiverKey` is no point of P-256. Rejects with a TypeError for keys of
   * another length, and after `close()`.
   */
  encrypt(message: EncryptionInput): Promise<Buffer | undefined>
  /** Ends the threads; what they have not done is rejected. */
  close(): Promise<void>
}

const MAX_DEFAULT_THREADS = 8
const DEFAULT_THRESHOLD = 16
/** Each thread is for so many waiting messages; more start when more wait. */
const MESSAGES_A_THREAD = 16
/** About 6 ms of work: long against the 25 µs that a batch costs to send, short against anybody's patience. */
const MAX_BATCH = 64
/** One is worked on and the next lies ready, so that a thread never waits for this one. */
const BATCHES_A_THREAD = 2
const MAX_CRASHES = 3
const WORKER = new URL('./encrypt-worker.js', import.meta.url)

/** The caller owns them and ends them with `close()`; idle threads keep no process alive. */
export function createEncryptors(options: EncryptorsOptions = {}): Encryptors {
  const threads = options.threads ?? Math.min(availableParallelism(), MAX_DEFAULT_THREADS)
  return new EncryptorPool(threads, options.threshold ?? DEFAULT_THRESHOLD)
}

/** On the calling thread; `undefined` when `receiverKey` is no point of P-256. */
export function encryptHere(message: EncryptionInput): Buffer | undefined {
  requireLengths(message)
  try {
    return encrypt(message)
  } catch {
    return undefined
  }
}

/** The batches' layout rests on them. */
function requireLengths({ receiverKey, authSecret, plaintext }: EncryptionInput): void {
  if (receiverKey.length !== 65) throw new TypeError(`receiverKey has ${receiverKey.length} bytes, not 65`)
  if (authSecret.length !== 16) throw new TypeError(`authSecret has ${authSecret.length} bytes, not 16`)
  if (plaintext.length > 0xffff) throw new TypeError(`plaintext has ${plaintext.length} bytes, over 65535`)
}

interface Job {
  readonly message: EncryptionInput
  readonly resolve: (body: Buffer | undefined) => void
  readonly reject: (error: Error) => void
}

interface Thread {
  readonly worker: Worker
  /** Oldest first: a thread answers in order. */
  readonly batches: Job[][]
}

class EncryptorPool implements Encryptors {
  readonly #maxThreads: number
  readonly #threshold: number
  readonly #threads = new Set<Thread>()
  #waiting: Job[] = []
  #isTurnScheduled = false
  /** In a row, without a batch done between them. */
  #crashes = 0
  #isClosed = false

  constructor(maxThreads: number, threshold: number) {
    this.#maxThreads = maxThreads
    this.#threshold = threshold
  }

  /** Every way out is a promise: what is thrown below rejects it. */
  encrypt(message: EncryptionInput): Promise<Buffer | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#isClosed) throw closedError()
      if (this.#maxThreads === 0 || this.#crashes >= MAX_CRASHES) return resolve(encryptHere(message))
      requireLengths(message)
      this.#waiting.push({ message, resolve, reject })
      this.#schedule()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    const threads = [...this.#threads]
    this.#threads.clear()
    const left = [...threads.flatMap(({ batches }) => batches.flat()), ...this.#waiting.splice(0)]
    for (const job of left) job.reject(closedError())
    await Promise.all(threads.map(({ worker }) => worker.terminate()))
  }

  /** Once a turn, so that all that is asked for in it travels together. */
  #schedule(): void {
    if (this.#isTurnScheduled) return
    this.#isTurnScheduled = true
    setImmediate(() => {
      this.#isTurnScheduled = false
      this.#hand()
    })
  }

  #hand(): void {
    if (this.#waiting.length >= this.#threshold) this.#startThreads()
    if (this.#threads.size === 0) finishHere(this.#waiting.splice(0))
    const share = Math.min(MAX_BATCH, Math.ceil(this.#waiting.length / this.#threads.size))
    for (let thread = this.#idlest(); thread !== undefined; thread = this.#idlest()) this.#send(thread, share)
  }

  #idlest(): Thread | undefined {
    if (this.#waiting.length === 0) return undefined
    const [idlest] = [...this.#threads].sort((one, other) => one.batches.length - other.batches.length)
    return idlest !== undefined && idlest.batches.length < BATCHES_A_THREAD ? idlest : undefined
  }

  #startThreads(): void {
    const wanted = Math.min(this.#maxThreads, Math.ceil(this.#waiting.length / MESSAGES_A_THREAD))
    while (this.#threads.size < wanted && this.#crashes < MAX_CRASHES) this.#startThread()
  }

  #startThread(): void {
    // It needs none of our environment, and none of our flags.
    const worker = new Worker(WORKER, { name: 'web-push-encryption', env: {}, execArgv: [] })
    const thread: Thread = { worker, batches: [] }
    this.#threads.add(thread)
    worker.unref()
    worker.on('message', (bodies: Uint8Array) => this.#onBodies(thread, bodies))
    worker.on('error', () => {}) // `exit` follows
    worker.on('exit', () => this.#onExit(thread))
  }

  #send(thread: Thread, count: number): void {
    const jobs = this.#waiting.splice(0, count)
    const messages = packMessages(jobs.map(job => job.message))
    thread.batches.push(jobs)
    thread.worker.ref()
    thread.worker.postMessage(messages, [messages.buffer])
  }

  #onBodies(thread: Thread, bodies: Uint8Array): void {
    const jobs = thread.batches.shift() ?? []
    this.#crashes = 0
    if (thread.batches.length === 0) thread.worker.unref()
    if (this.#waiting.length > 0) this.#hand()
    const unpacked = unpackBodies(
      bodies,
      jobs.map(job => job.message),
    )
    for (const [i, job] of jobs.entries()) job.resolve(unpacked[i])
  }

  /** Its messages are not given to another thread: should one of them be the cause, it would end them all. */
  #onExit(thread: Thread): void {
    if (!this.#threads.delete(thread)) return
    this.#crashes++
    finishHere(thread.batches.flat())
    if (this.#waiting.length > 0) this.#schedule()
  }
}

function finishHere(jobs: readonly Job[]): void {
  for (const { message, resolve } of jobs) resolve(encryptHere(message))
}

function closedError(): Error {
  return new Error('the encryptors are closed')
}
