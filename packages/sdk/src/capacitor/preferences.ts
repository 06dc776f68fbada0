/**
 * `@capacitor/preferences` as the storage of a device.
 *
 * Not the web view's localStorage: the system may empty that when space is short, and the device would be another one from then on.
 */
import type { KeyValueStorage } from '../mobile/key-value-store.ts'

/** What is used of the library: its `Preferences` is one. */
export interface CapacitorPreferences {
  get(options: { key: string }): Promise<{ value: string | null }>
  set(options: { key: string; value: string }): Promise<void>
  remove(options: { key: string }): Promise<void>
}

export function preferencesStorage(library: CapacitorPreferences): KeyValueStorage {
  return {
    getItem: async key => (await library.get({ key })).value,
    setItem: (key, value) => library.set({ key, value }),
    removeItem: key => library.remove({ key }),
  }
}
