/**
 * Calls in an app that runs: by the live channel and by push, in any order. docs/calls.md. What rings while the app is closed is the native
 * parts' (native/ios/CallPushes.swift, the Android messaging service); the open app hears of the call after its next `hello`.
 */
import { type Call, type CallAnswer, callIn, createRinging, noteCall } from '../core/calls.ts'
import type { Live, OtherFrame } from '../core/live-options.ts'
import { isForeign, isForeignByNow } from '../core/received.ts'
import type { Environment } from './environment.ts'
import type { Push } from './push.ts'

export interface Calls {
  /** Of the channel. */
  takeFrame(frame: OtherFrame, live: Pick<Live, 'say'>): Promise<void>
  /** Whether the push told of a call: the app hears of it as of one. */
  takePush(push: Push): Promise<boolean>
  /** The server has taken this answer. */
  settle(id: string, answer: CallAnswer): void
  /** Somebody else uses the device. */
  endAll(): void
  stop(): void
}

/** `onCall` undefined: the app takes none, and they ring by notifications. */
export function createCalls({ store, now }: Environment, onCall: ((call: Call) => void) | undefined): Calls {
  const ringing = onCall && createRinging({ onCall, now })
  /** Twice is better than never where nothing can be kept; what is older than what rings does not ring anyway. */
  const isNews = (call: Call) => noteCall(store, call).catch(() => true)
  return {
    takeFrame: async (frame, live) => {
      if (frame.type !== 'call') return
      const { call, userId } = frame as unknown as { readonly call: Call; readonly userId: string | null }
      const state = await store.read()
      // R25: a call is for whoever was called.
      const person = { userId: userId ?? undefined }
      if (state === undefined || isForeign(state, person)) return
      if (!(await isNews(call)) || ringing === undefined) return
      if (await isForeignByNow(store, person)) return // somebody else may have logged in meanwhile
      ringing.take(call)
      // Where nothing rings the server is told of none, and a push follows.
      if (call.state === 'ringing' && call.role === 'callee')
        live.say({ type: 'call', callId: call.id, event: 'ringing' })
    },
    takePush: async ({ data, userId }) => {
      const call = callIn(data)
      if (call === undefined || ringing === undefined) return false
      if ((await isNews(call)) && !(await isForeignByNow(store, { userId }))) ringing.take(call)
      return true
    },
    settle: (id, answer) => ringing?.settle(id, answer),
    endAll: () => ringing?.endAll(),
    stop: () => ringing?.stop(),
  }
}
