/** A store that forgets with the process: for tests, and for whoever writes another one. */
import type { DeviceState, KeptCall, Store } from '../src/core/state.ts'

export function memoryStore(first: DeviceState | undefined): Store {
  let state = first
  const outbox = new Map<string, KeptCall>()
  return {
    read: async () => state,
    update: async change => {
      state = change(state)
      return state
    },
    keep: async call => {
      outbox.set(call.key, call)
    },
    kept: async () => [...outbox.values()].sort((a, b) => a.at - b.at),
    forget: async key => {
      outbox.delete(key)
    },
  }
}
