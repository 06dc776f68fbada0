/**
 * The pages of one browser that have started Roost, and which of them the person looks at.
 *
 * Each page holds a lock under its own name while it is in view: the browser lets go of it when the page ends, however it ends, so nobody keeps
 * lists that go stale. Pages and the service worker ask for the locks that are held. Source: W3C Web Locks API §2.5 and "query()".
 */
import type { Call, CallAnswer } from '../core/calls.ts'
import type { PushPayload } from '../core/payload.ts'

const CHANNEL = 'roost'
const FOCUSED = 'roost-focused '
const VISIBLE = 'roost-visible '

export type Notice =
  /** Another page is in view by now; `hidden` is not any more. */
  | { readonly type: 'view'; readonly hidden?: string }
  | { readonly type: 'logout' }
  /** What a page shows of the person before goes; a `user` follows. */
  | { readonly type: 'person' }
  /** Somebody else is logged in, or nobody: it is kept in the store. */
  | { readonly type: 'user' }
  /** A call to or of this user has changed: all pages may have to ring, or to stop. */
  | { readonly type: 'call'; readonly call: Call; readonly userId: string | undefined }
  /** The server has taken an answer of this device. */
  | { readonly type: 'answered'; readonly id: string; readonly answer: CallAnswer }
  /** For the page of this id alone. */
  | { readonly type: 'message'; readonly to: string; readonly message: PushPayload }

/** All pages hear of it, this one too. */
export function tell(notice: Notice): void {
  const channel = new BroadcastChannel(CHANNEL)
  channel.postMessage(notice)
  channel.close()
}

/** Gives back how to stop. */
export function hear(take: (notice: Notice) => void): () => void {
  const channel = new BroadcastChannel(CHANNEL)
  channel.onmessage = ({ data }) => take(data as Notice)
  return () => channel.close()
}

/** The page that has the focus, else one that can be seen; undefined when there is none. */
export async function pageInView(except?: string): Promise<string | undefined> {
  const { held = [] } = await navigator.locks.query()
  const idsOf = (rank: string) =>
    held.flatMap(({ name = '' }) => (name.startsWith(rank) ? name.slice(rank.length) : []))
  return [...idsOf(FOCUSED), ...idsOf(VISIBLE)].find(it => it !== except)
}

export interface View {
  readonly isVisible: boolean
  /** As when the page is about to end. */
  leave(): void
}

/** Says by a lock whether this page is in view, as long as it is. `onChange` is called after the lock has changed. */
export function watchView(id: string, onChange: () => void): View {
  let held: string | undefined
  let release: () => void = () => undefined
  const wanted = () => {
    if (document.visibilityState !== 'visible') return undefined
    return (document.hasFocus() ? FOCUSED : VISIBLE) + id
  }
  const hold = (name: string | undefined): Promise<void> => {
    held = name
    release()
    if (name === undefined) return Promise.resolve()
    // It may be let go of before it is granted: the next one comes within the same turn when a window is clicked on.
    // And what is granted to a page that waits in the browser's cache would be held for as long as it waits.
    const waiting = new AbortController()
    const ended = new Promise<void>(end => {
      release = () => {
        waiting.abort()
        end()
      }
    })
    return new Promise(done => {
      const held = () => {
        done()
        return ended
      }
      void navigator.locks.request(name, { signal: waiting.signal }, held).catch(() => done())
    })
  }
  const look = async () => {
    const name = wanted()
    if (name === held) return
    await hold(name)
    onChange()
  }
  const listener = () => void look()
  const events = ['visibilitychange', 'focus', 'blur'] as const
  for (const event of events) addEventListener(event, listener, true)
  void look()
  return {
    get isVisible() {
      return wanted() !== undefined
    },
    leave() {
      for (const event of events) removeEventListener(event, listener, true)
      void hold(undefined)
    },
  }
}
