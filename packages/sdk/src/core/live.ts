/**
 * The live channel of this device: messages within milliseconds while the app is open. docs/live-channel.md has the protocol.
 *
 *   stopped ──start──▶ connecting ──welcome──▶ connected
 *                          ▲                       │
 *                          └──pause of a random length ◀──the connection ends
 *   resting: somebody else is logged in for the server, or nobody any more, or another connection counts; until the user changes, or `wake`
 *
 * No loss, no repeat: a message is shown once (received.ts), and then its number is kept until the server has acknowledged to know it.
 * R25: nothing is connected while the server has not heard who uses the device.
 */
import type { AppState, Live, LiveOptions, LiveStatus, OtherFrame } from './live-options.ts'
import { type MessageFrame, payloadOfFrame } from './payload.ts'
import { knowsUser, once } from './received.ts'
import type { Socket } from './socket.ts'
import type { DeviceState } from './state.ts'

const WELCOME_WITHIN_MS = 20_000
const PONG_WITHIN_MS = 10_000
const PAUSE_MAX_MS = 60_000
/** What `hello` takes. */
const HAVE_MAX = 500
/** Whoever was not welcome because of these isn't either in a minute; of the others some are on the server's side. */
const FINAL = new Set(['input_invalid', 'device_token_refused', 'app_unknown', 'app_archived'])
/** Close codes: a newer connection of this device counts; it has said `logout`. */
const REPLACED = 4005
const LOGGED_OUT = 4006

export function createLive(options: LiveOptions): Live {
  return new LiveChannel(options)
}

class LiveChannel implements Live {
  readonly #options: LiveOptions
  #status: LiveStatus = 'stopped'
  #state: AppState = 'background'
  #socket: Socket | undefined
  /** Of the newest connection: what an older one brings is passed over. */
  #turn = 0
  /** As whom it has connected last: null when the hello said that nobody is logged in, undefined when it said nothing of it. */
  #said: string | null | undefined
  #failures = 0
  #hasHeard = false
  #refusal = ''
  #forget: () => void = () => undefined
  #handling: Promise<void> = Promise.resolve()

  constructor(options: LiveOptions) {
    this.#options = options
  }

  start(state: AppState): void {
    if (this.#status !== 'stopped') return this.setState(state)
    this.#state = state
    this.#connectNow()
  }

  setState(state: AppState): void {
    if (state === this.#state) return
    this.#state = state
    this.say({ type: 'state', state })
  }

  wake(): void {
    if (this.#status === 'connected') this.#ask()
    // Whoever has logged in since may have been away before that was told here, as a page that was left.
    else if (this.#refusal === 'logout') this.userChanged()
    else if (this.#status !== 'stopped' && this.#refusal === '' && this.#socket === undefined)
      this.#connectNow()
  }

  logOut(): void {
    if (this.#status === 'stopped') return
    this.say({ type: 'logout' })
    this.#rest('logout')
  }

  userChanged(): void {
    if (this.#status !== 'stopped') void this.#reconnectUnlessLoggedOut()
  }

  say(frame: object): boolean {
    if (this.#status !== 'connected') return false
    this.#socket?.send(JSON.stringify(frame))
    return true
  }

  stop(): void {
    this.#leave()
    this.#tell('stopped')
  }

  async #reconnectUnlessLoggedOut(): Promise<void> {
    const state = await this.#options.store.read().catch(() => undefined)
    if (this.#status === 'stopped') return
    if (this.#refusal === 'logout' && state?.userId === undefined) return
    // One that was not welcome yet may have come before the login, and be refused for it.
    const isWelcome = this.#status === 'connected' && state !== undefined && this.#said === whoIn(state)
    if (!isWelcome) this.#connectNow()
  }

  #connectNow(): void {
    this.#leave()
    this.#refusal = ''
    this.#tell('connecting')
    void this.#connect(this.#turn)
  }

  async #connect(turn: number): Promise<void> {
    const state = await this.#ready().catch(() => undefined)
    if (turn !== this.#turn) return
    if (state === undefined) return this.#again()
    const url = `${state.settings.baseUrl.replace(/^http/, 'ws')}/v1/live/channel`
    const own = (work: () => void) => {
      if (turn === this.#turn) work()
    }
    try {
      this.#socket = this.#options.openSocket(url, {
        onOpen: () => own(() => this.#socket?.send(JSON.stringify(this.#helloOf(state)))),
        onText: text => own(() => this.#take(text)),
        onClose: code => own(() => this.#closed(code)),
      })
      this.#wait(() => this.#again(), WELCOME_WITHIN_MS)
    } catch {
      this.#again()
    }
  }

  /** Undefined while the server can't know who uses this device. */
  async #ready(): Promise<DeviceState | undefined> {
    const { client, store } = this.#options
    await client.flush()
    const isUntold = (await store.kept()).some(({ method }) => method === 'registerUser')
    return isUntold ? undefined : store.read()
  }

  #helloOf(state: DeviceState): object {
    const { application: app, deviceToken } = state.settings
    const { hwid, have = [] } = state
    const userId = whoIn(state)
    this.#said = userId
    const user = userId === undefined ? {} : { userId }
    return { type: 'hello', app, deviceToken, hwid, ...user, state: this.#state, have }
  }

  #take(text: string): void {
    this.#hasHeard = true
    const frame = parse(text)
    switch (frame?.type) {
      case 'welcome':
        this.#failures = 0
        this.#tell('connected')
        this.say({ type: 'state', state: this.#state }) // it may have changed since the hello
        return this.#beat(Number(frame.heartbeatSeconds) * 1000 || PAUSE_MAX_MS)
      case 'message':
        return this.#inTurn(() => this.#receive(frame as unknown as MessageFrame))
      case 'acked':
        return this.#inTurn(() => this.#forgetSeqs(frame.seqs as readonly number[]))
      case 'error':
        this.#refusal = String(frame.code)
        return this.#options.onRefusal?.(String(frame.code), String(frame.detail))
      case 'pong':
      case undefined:
        return
      default:
        this.#options.onFrame?.(frame as OtherFrame, this.#said ?? undefined)
    }
  }

  #inTurn(work: () => Promise<void>): void {
    // What can't be kept is not acknowledged, and comes again.
    this.#handling = this.#handling.then(work).catch(() => undefined)
  }

  async #receive(frame: MessageFrame): Promise<void> {
    const { onMessage, fallbackTitle } = this.#options
    const message = payloadOfFrame(frame, fallbackTitle)
    const show = async () => onMessage(message)
    // What its receiver can't cope with has come all the same.
    const verdict = await once(this.#options, message, show).catch(() => 'new')
    if (verdict === 'foreign' || verdict === 'ungranted') return // whom it is for has not seen it
    await this.#rememberSeqs(have => [...have.filter(it => it !== frame.seq), frame.seq])
    this.say({ type: 'ack', seqs: [frame.seq] })
  }

  #forgetSeqs(seqs: readonly number[]): Promise<void> {
    return this.#rememberSeqs(have => have.filter(it => !seqs.includes(it)))
  }

  async #rememberSeqs(change: (have: readonly number[]) => readonly number[]): Promise<void> {
    const { store } = this.#options
    const state = await store.read()
    if (state === undefined) return
    await store.update((before = state) => ({ ...before, have: change(before.have ?? []).slice(-HAVE_MAX) }))
  }

  /** Its pings a page does not see: who has heard nothing for a while asks. */
  #beat(everyMs: number): void {
    this.#hasHeard = false
    this.#wait(() => {
      if (this.#hasHeard) this.#beat(everyMs)
      else this.#ask(everyMs)
    }, everyMs)
  }

  #ask(everyMs = PAUSE_MAX_MS): void {
    this.#hasHeard = false
    this.say({ type: 'ping' })
    this.#wait(() => {
      if (this.#hasHeard) this.#beat(everyMs)
      else this.#again()
    }, PONG_WITHIN_MS)
  }

  #closed(code: number): void {
    this.#socket = undefined
    if (code === REPLACED) return this.#rest('')
    if (code === LOGGED_OUT) return this.#rest('logout')
    if (FINAL.has(this.#refusal)) return this.#rest(this.#refusal)
    if (this.#refusal === 'device_unknown') void this.#introduce()
    this.#refusal = ''
    this.#again()
  }

  /** Any call makes a device come to be. */
  async #introduce(): Promise<void> {
    await this.#options.client.call('applicationOpen').catch(() => undefined)
  }

  #rest(why: string): void {
    this.#leave()
    this.#refusal = why
    this.#tell('resting')
  }

  /** After a pause of random length, since all devices of a server that stops would come at once. */
  #again(): void {
    this.#leave()
    this.#tell('connecting')
    const { random = Math.random } = this.#options
    const longest = Math.min(PAUSE_MAX_MS, 1000 * 2 ** this.#failures++)
    const turn = this.#turn
    this.#wait(() => void this.#connect(turn), longest * (0.1 + 0.9 * random()))
  }

  #leave(): void {
    this.#turn++
    this.#forget()
    this.#socket?.close()
    this.#socket = undefined
  }

  #wait(work: () => void, ms: number): void {
    this.#forget()
    const { later = byTimeout } = this.#options
    this.#forget = later(work, ms)
  }

  #tell(status: LiveStatus): void {
    if (status === this.#status) return
    this.#status = status
    this.#options.onStatus?.(status)
  }
}

/** Null: nobody; undefined: the app does not say who. */
function whoIn(state: DeviceState): string | null | undefined {
  return knowsUser(state) ? (state.userId ?? null) : undefined
}

function byTimeout(work: () => void, ms: number): () => void {
  const timer = setTimeout(work, ms)
  return () => clearTimeout(timer)
}

function parse(text: string): (Readonly<Record<string, unknown>> & { readonly type?: unknown }) | undefined {
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}
