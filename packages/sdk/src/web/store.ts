/**
 * The store in IndexedDB: the one storage that a page and its service worker share.
 *
 * Each change is one read-write transaction, which the browser never runs beside another on the same
 * object store; so two tabs can't lose each other's changes. Source: W3C Indexed Database API §2.7.
 */
import type { DeviceState, KeptCall, Store } from '../core/state.ts'

const DATABASE = 'roost'
const STATE = 'state'
const OUTBOX = 'outbox'
/** The only key in STATE. */
const DEVICE = 'device'

export function openStore(): Store {
  let opening: Promise<IDBDatabase> | undefined
  const database = (): Promise<IDBDatabase> => {
    opening ??= openDatabase(() => {
      opening = undefined
    })
    return opening
  }

  return {
    async read() {
      return run(await database(), STATE, 'readonly', store => store.get(DEVICE))
    },
    async update(change, call) {
      return updateState(await database(), change, call)
    },
    async keep(call) {
      await run(await database(), OUTBOX, 'readwrite', store => keepIn(store, call))
    },
    async kept() {
      const calls = await run<OrderedCall[]>(await database(), OUTBOX, 'readonly', store => store.getAll())
      return calls.sort((a, b) => orderOf(a) - orderOf(b) || a.at - b.at)
    },
    async forget(key) {
      await run(await database(), OUTBOX, 'readwrite', store => store.delete(key))
    },
  }
}

/** `onGone` tells that the connection is no longer usable and the next use must open another. */
function openDatabase(onGone: () => void): Promise<IDBDatabase> {
  const request = indexedDB.open(DATABASE, 1)
  request.onupgradeneeded = () => {
    request.result.createObjectStore(STATE)
    request.result.createObjectStore(OUTBOX, { keyPath: 'key' })
  }
  return new Promise((resolve, reject) => {
    request.onsuccess = () => {
      const database = request.result
      database.onclose = onGone
      database.onversionchange = () => {
        database.close() // a newer page must be able to upgrade
        onGone()
      }
      resolve(database)
    }
    request.onerror = () => {
      onGone()
      reject(storageError(request.error))
    }
  })
}

/** Resolves when the transaction is complete, not merely its request: only then is the change kept. */
function run<T>(
  database: IDBDatabase,
  name: string,
  mode: IDBTransactionMode,
  ask: (store: IDBObjectStore) => IDBRequest,
): Promise<T> {
  const transaction = database.transaction(name, mode)
  const request = ask(transaction.objectStore(name))
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result as T)
    transaction.onabort = () => reject(storageError(transaction.error))
  })
}

/** By its own clock a call may be older than one that was kept before it: clocks are set back. */
interface OrderedCall extends KeptCall {
  readonly order: number
}

/** Of a version that knew no order: kept before all that have one. */
function orderOf({ order }: Partial<OrderedCall>): number {
  return Number.isFinite(order) ? (order as number) : 0
}

function keepIn(store: IDBObjectStore, call: KeptCall): IDBRequest {
  const reading: IDBRequest<OrderedCall[]> = store.getAll()
  reading.onsuccess = () => {
    const { result: calls } = reading
    if (calls.some(({ key }) => key === call.key)) return
    store.put({ ...call, order: Math.max(0, ...calls.map(orderOf)) + 1 } satisfies OrderedCall)
  }
  return reading
}

function updateState(
  database: IDBDatabase,
  change: (state: DeviceState | undefined) => DeviceState,
  call: KeptCall | undefined,
): Promise<DeviceState> {
  const transaction = database.transaction(call === undefined ? STATE : [STATE, OUTBOX], 'readwrite')
  const store = transaction.objectStore(STATE)
  const reading: IDBRequest<DeviceState | undefined> = store.get(DEVICE)
  return new Promise((resolve, reject) => {
    reading.onsuccess = () => {
      try {
        const next = change(reading.result)
        store.put(next, DEVICE)
        if (call !== undefined) keepIn(transaction.objectStore(OUTBOX), call)
        transaction.oncomplete = () => resolve(next)
      } catch (error) {
        transaction.abort()
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    }
    transaction.onabort = () => reject(storageError(transaction.error))
  })
}

function storageError(cause: DOMException | null): Error {
  return new Error('The browser did not keep what Roost must remember', { cause })
}
