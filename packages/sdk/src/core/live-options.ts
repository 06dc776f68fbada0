/** What the live channel asks of its platform, and offers to it. */
import type { Client, Lock } from './client.ts'
import type { PushPayload } from './payload.ts'
import type { OpenSocket } from './socket.ts'
import type { Store } from './state.ts'

export type AppState = 'online' | 'background'
/** `resting`: it does not connect again by itself (live.ts). */
export type LiveStatus = 'connected' | 'connecting' | 'resting' | 'stopped'

/** A frame that is none of the channel's own, such as of a call. */
export type OtherFrame = Readonly<Record<string, unknown>> & { readonly type: string }

export interface LiveOptions {
  readonly store: Store
  readonly client: Pick<Client, 'call' | 'flush'>
  readonly lock: Lock
  readonly openSocket: OpenSocket
  /** Shown for a message without a title. */
  readonly fallbackTitle: string
  /** Once for each message, in their order; the next one waits for it. What it throws costs no other message. */
  readonly onMessage: (message: PushPayload) => Promise<void> | void
  /** `userId`: as whom the device has connected. */
  readonly onFrame?: (frame: OtherFrame, userId: string | undefined) => void
  readonly onStatus?: (status: LiveStatus) => void
  /** Code and detail of the server's `error` frame. */
  readonly onRefusal?: (code: string, detail: string) => void
  /** In [0, 1). Default Math.random. */
  readonly random?: () => number
  /** Runs work later; gives back how to forget it. Default setTimeout. */
  readonly later?: (work: () => void, ms: number) => () => void
}

export interface Live {
  /** Connects, and connects again whenever it has to. A second call changes nothing. */
  start(state: AppState): void
  setState(state: AppState): void
  /** The network may be back, or the app has come to the foreground: looks whether the connection still is one. */
  wake(): void
  /** Before the logout is told by `registerUser`. Rests until `userChanged` or `wake`, if somebody is logged in by then. */
  logOut(): void
  /** After `registerUser` was handed to the client: connects as whoever is logged in now. */
  userChanged(): void
  /** False when it is not connected. */
  say(frame: object): boolean
  stop(): void
}
