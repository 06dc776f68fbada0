/**
 * The live channel in a browser: a file of its own (`roost-live.js`), loaded for sites that want it.
 *
 * One connection a device: of the pages of a browser one leads, by a lock, and when it ends the next one takes over. Whoever leads
 * says whether any page is in view, and hands messages to the page that the person looks at.
 */
import { type Call, callTag, createRinging, noteCall, type Ringing } from '../core/calls.ts'
import { createLive } from '../core/live.ts'
import type { Live, LiveStatus, OtherFrame } from '../core/live-options.ts'
import type { PushPayload } from '../core/payload.ts'
import { sendReceipt } from '../core/receipts.ts'
import { isForeign, isForeignByNow } from '../core/received.ts'
import { openWebSocket } from '../core/socket.ts'
import { showBadge } from './badge.ts'
import type { Environment } from './browser.ts'
import { closeForeign } from './notification.ts'
import { present } from './present.ts'
import { stopRinging } from './ringing.ts'
import { hear, type Notice, pageInView, tell, type View, watchView } from './tabs.ts'

export interface JoinOptions extends Environment {
  /** Asked each time: undefined where the browser has no notifications, and until a service worker is there to show them. */
  readonly registration: () => Promise<ServiceWorkerRegistration | undefined>
  /** Connects; else this page only hears what comes by push. */
  readonly isLive: boolean
  readonly onMessage: (message: PushPayload) => void
  /** Absent: calls ring by notifications alone. */
  readonly onCall: ((call: Call) => void) | undefined
  readonly onUnread: (count: number) => void
  readonly onStatus: (status: LiveStatus) => void
}

interface CallFrame {
  readonly call: Call
  readonly userId: string | null
}

const LEADER = 'roost-live'

/** This page is one of those that messages may be handed to, until it ends. */
export function join(options: JoinOptions): void {
  let page = new Page(options)
  // A page that waits in the browser's cache for somebody to go back to it may hold neither locks nor connections.
  addEventListener('pagehide', () => page.leave())
  addEventListener('pageshow', event => {
    if ((event as PageTransitionEvent).persisted) page = new Page(options)
  })
}

class Page {
  readonly #id = crypto.randomUUID()
  readonly #options: JoinOptions
  readonly #live: Live
  readonly #ringing: Ringing | undefined
  readonly #view: View
  readonly #deafen: () => void
  readonly #waiting = new AbortController()
  readonly #wake = () => this.#live.wake()
  #isLeading = false
  #abdicate: () => void = () => undefined

  constructor(options: JoinOptions) {
    this.#options = options
    const { store, client, lock, onStatus, onCall, now } = options
    this.#ringing = onCall && createRinging({ onCall, now })
    this.#live = createLive({
      store,
      client,
      lock,
      openSocket: openWebSocket,
      fallbackTitle: location.hostname,
      onMessage: message => this.#present(message),
      onFrame: (frame, userId) => void this.#takeFrame(frame, userId).catch(() => undefined),
      onStatus,
    })
    this.#deafen = hear(it => this.#take(it))
    this.#view = watchView(this.#id, () => this.#viewChanged())
    addEventListener('online', this.#wake)
    if (options.isLive) void this.#lead()
  }

  leave(): void {
    removeEventListener('online', this.#wake)
    this.#deafen()
    this.#view.leave()
    this.#live.stop()
    this.#ringing?.stop()
    this.#waiting.abort()
    this.#abdicate()
    tell({ type: 'view', hidden: this.#id })
  }

  async #lead(): Promise<void> {
    const lead = async () => {
      const state = await this.#state()
      if (this.#waiting.signal.aborted) return
      this.#isLeading = true
      this.#live.start(state)
      await new Promise<void>(end => {
        this.#abdicate = end
      })
    }
    await navigator.locks.request(LEADER, { signal: this.#waiting.signal }, lead).catch(() => undefined)
  }

  async #present(message: PushPayload): Promise<void> {
    const { store, client } = this.#options
    const registration = await this.#options.registration()
    await present({ store, registration, orElse: this.#id }, message)
    void sendReceipt(client, 'delivered', message).catch(() => undefined)
    // Somebody else may have logged in while it was on its way to the screen.
    if (message.userId !== undefined) await closeForeign(registration, store)
  }

  async #takeFrame(frame: OtherFrame, userId: string | undefined): Promise<void> {
    if (frame.type === 'call') return this.#takeCall(frame as unknown as CallFrame)
    if (frame.type === 'unread') await this.#showUnread(Number(frame.count), userId)
  }

  /** It comes at each connecting, so the icon is right when the site was opened. R25: not that of who was there before. */
  async #showUnread(count: number, userId: string | undefined): Promise<void> {
    const { store, onUnread } = this.#options
    const state = await store.read()
    if (state?.userId !== userId) return
    onUnread(count)
    if (state?.settings.hasUnreadBadge) await showBadge(count)
  }

  /** R25: a call is for whoever was called. Where no page rings, the server is told of none, and a push follows. */
  async #takeCall({ call, userId }: CallFrame): Promise<void> {
    const { store, registration } = this.#options
    const state = await store.read()
    const person = { userId: userId ?? undefined }
    if (state === undefined || isForeign(state, person)) return
    if (!(await noteCall(store, call))) return
    tell({ type: 'call', call, ...person })
    if (call.state !== 'ringing') return stopRinging(await registration(), callTag(call))
    if (call.role === 'callee' && this.#ringing !== undefined)
      this.#live.say({ type: 'call', callId: call.id, event: 'ringing' })
  }

  #take(notice: Notice): void {
    switch (notice.type) {
      case 'message':
        if (notice.to === this.#id) void this.#handOver(notice.message)
        return
      case 'call':
        return void this.#ring(notice)
      case 'answered':
        return this.#ringing?.settle(notice.id, notice.answer)
      case 'view':
        void this.#tellState(notice.hidden)
        return
      case 'person':
        return this.#ringing?.endAll() // the connection follows the server
      case 'logout':
        return this.#live.logOut()
      case 'user':
        return this.#live.userChanged()
    }
  }

  /** R25, as with messages. */
  async #ring({ call, userId }: Extract<Notice, { type: 'call' }>): Promise<void> {
    if (!(await isForeignByNow(this.#options.store, { userId }))) this.#ringing?.take(call)
  }

  /** Somebody else may have logged in while it was on its way to this page. */
  async #handOver(message: PushPayload): Promise<void> {
    const { store, onMessage } = this.#options
    if (!(await isForeignByNow(store, message))) onMessage(message)
  }

  #viewChanged(): void {
    const { isVisible } = this.#view
    tell(isVisible ? { type: 'view' } : { type: 'view', hidden: this.#id })
    if (isVisible) this.#live.wake()
  }

  async #tellState(hidden: string | undefined): Promise<void> {
    if (this.#isLeading) this.#live.setState(await this.#state(hidden))
  }

  async #state(hidden?: string): Promise<'online' | 'background'> {
    return (await pageInView(hidden)) === undefined ? 'background' : 'online'
  }
}
