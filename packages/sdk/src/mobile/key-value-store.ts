/**
 * The store of a device over an app's key-value storage, such as AsyncStorage or Capacitor's Preferences.
 *
 * Such a storage knows no transactions. An app has one JavaScript runtime, so a queue in it keeps changes apart; each value is written whole,
 * so an app that is killed in between has the old or the new one.
 */
import type { DeviceState, KeptCall, Store } from '../core/state.ts'

/** What AsyncStorage is; null: nothing is kept under the key. */
export interface KeyValueStorage {
  getItem(key: string): Promise<string | null>
  setItem(key: string, value: string): Promise<void>
  removeItem(key: string): Promise<void>
}

const STATE = 'roost.state'
const OUTBOX = 'roost.outbox'
export function openKeyValueStore(storage: KeyValueStorage): Store {
  const inTurn = createQueue()
  const readState = () => readJson<DeviceState>(storage, STATE)
  const readOutbox = async () => (await readJson<KeptCall[]>(storage, OUTBOX)) ?? []
  const changeOutbox = (change: (calls: readonly KeptCall[]) => readonly KeptCall[]) =>
    inTurn(async () => storage.setItem(OUTBOX, JSON.stringify(change(await readOutbox()))))

  return {
    read: () => inTurn(readState),
    update: change =>
      inTurn(async () => {
        const next = change(await readState())
        await storage.setItem(STATE, JSON.stringify(next))
        return next
      }),
    keep: call => changeOutbox(calls => [...calls.filter(it => it.key !== call.key), call]),
    kept: async () => [...(await inTurn(readOutbox))].sort((a, b) => a.at - b.at),
    forget: key => changeOutbox(calls => calls.filter(it => it.key !== key)),
  }
}

/** What can't be read, from a write of another version or a damaged file, counts as nothing: the device begins anew rather than never. */
async function readJson<T>(storage: KeyValueStorage, key: string): Promise<T | undefined> {
  const text = await storage.getItem(key)
  if (text === null) return undefined
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

/** Runs one piece of work after the other, whatever became of the one before. */
export function createQueue(): <T>(work: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return work => {
    const done = last.then(work, work)
    last = done.catch(() => undefined)
    return done
  }
}
