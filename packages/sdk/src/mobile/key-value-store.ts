/**
 * The store of a device over an app's key-value storage, such as AsyncStorage or Capacitor's Preferences.
 *
 * Such a storage knows no transactions. An app has one JavaScript runtime, so a queue in it keeps changes apart; each value is written whole,
 * so an app that is killed in between has the old or the new one. What changes the state and keeps a call is written as one value first, and
 * made of it at the next use if the app was killed before.
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
/** A change of both that may have been made by half. */
const CHANGE = 'roost.change'

interface Change {
  readonly state: DeviceState
  readonly call: KeptCall
}

export function openKeyValueStore(storage: KeyValueStorage): Store {
  const queue = createQueue()
  let isWhole = false
  const inTurn = <T>(work: () => Promise<T>): Promise<T> =>
    queue(async () => {
      if (!isWhole) await finish()
      return work()
    })
  const readState = () => readJson<DeviceState>(storage, STATE)
  const readOutbox = async () => (await readJson<KeptCall[]>(storage, OUTBOX)) ?? []
  const changeOutbox = async (change: (calls: readonly KeptCall[]) => readonly KeptCall[]) =>
    storage.setItem(OUTBOX, JSON.stringify(change(await readOutbox())))
  const writeState = (state: DeviceState) => storage.setItem(STATE, JSON.stringify(state))
  /** May be done twice. */
  const write = async ({ state, call }: Change) => {
    await changeOutbox(withCall(call))
    await writeState(state)
    await storage.removeItem(CHANGE)
    isWhole = true
  }
  const finish = async () => {
    const begun = await readJson<Change>(storage, CHANGE)
    if (begun !== undefined) await write(begun)
    isWhole = true
  }

  return {
    read: () => inTurn(readState),
    update: (change, call) =>
      inTurn(async () => {
        const state = change(await readState())
        if (call === undefined) await writeState(state)
        else {
          isWhole = false
          await storage.setItem(CHANGE, JSON.stringify({ state, call } satisfies Change))
          await write({ state, call })
        }
        return state
      }),
    keep: call => inTurn(() => changeOutbox(withCall(call))),
    kept: () => inTurn(readOutbox),
    forget: key => inTurn(() => changeOutbox(calls => calls.filter(it => it.key !== key))),
  }
}

function withCall(call: KeptCall): (calls: readonly KeptCall[]) => readonly KeptCall[] {
  return calls => (calls.some(({ key }) => key === call.key) ? calls : [...calls, call])
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
