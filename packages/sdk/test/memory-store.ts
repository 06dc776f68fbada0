/** A store that forgets with the process: for tests, and for whoever writes another one. */
import type { DeviceState, KeptCall, Store } from '../src/core/state.ts'

export function memoryStore(first: DeviceState | undefined): Store {
  let state = first
  const outbox = new Map<string, KeptCall>()
  const keep = (call: KeptCall) => {
    if (!outbox.has(call.key)) outbox.set(call.key, call)
  }
  return {
    read: async () => state,
    update: async (change, call) => {
      state = change(state)
      if (call !== undefined) keep(call)
      return state
    },
    keep: async call => keep(call),
    kept: async () => [...outbox.values()],
    forget: async key => {
      outbox.delete(key)
    },
  }
}
