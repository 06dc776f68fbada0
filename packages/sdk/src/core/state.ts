/**
 * What a device remembers between two starts, and where it keeps it.
 *
 * The page and the service worker share one store, so every change is a function of what is there
 * (`update`), never a write of what was read a while ago.
 */

import type { Presentation } from './received.ts'

export interface Settings {
  /** Where Roost answers, without a slash at the end. */
  readonly baseUrl: string
  /** The application's code, `XXXXX-XXXXX`. */
  readonly application: string
  readonly deviceToken: string
  /** The site's or app's own version. */
  readonly appVersion: string | undefined
  /** The app's icon shows how many messages of the inbox are unread. */
  readonly hasUnreadBadge?: boolean
  /** What becomes of messages while the app is in the foreground; default `show`. */
  readonly foreground?: Presentation
  /** The app rings by itself while it is in the foreground. */
  readonly ringsInPage?: boolean
}

/** What the server has last confirmed about this device's address. */
export interface Registered {
  readonly address: string
  readonly vapidKey: string
  /** Milliseconds since 1970, on this device's clock. */
  readonly at: number
  /** What else was told with it, where a change of that is told at once. */
  readonly told?: string
}

export interface DeviceState {
  readonly settings: Settings
  readonly hwid: string
  readonly userId: string | undefined
  /** The app says who is logged in, and who is not. Absent until it has. */
  readonly isUserTold?: boolean
  /** The person unsubscribed on purpose: only `subscribe()` undoes it, never a start. */
  readonly isOptedOut: boolean
  readonly registered: Registered | undefined
  /** When a working-looking address was last replaced because the server called it dead. */
  readonly replacedAt: number | undefined
  readonly openedAt: number | undefined
  /** Counts what this device told the server, so that a late repeat can't undo something newer. */
  readonly clientSeq: number
  /** What was told last; a change is told at once. */
  readonly permission?: string
  /** Hashes of messages that were shown, newest last (received.ts). */
  readonly seen?: readonly string[]
  /** Numbers of frames that it has and of which the server may not know it (live.ts). */
  readonly have?: readonly number[]
  /** Newest versions of calls, by id (calls.ts). */
  readonly calls?: Readonly<Record<string, number>>
}

/** A call that must reach the server, if not now then at the next event or start. */
export interface KeptCall {
  /** Two with the same key are the same call. */
  readonly key: string
  readonly method: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly at: number
  /** Nobody is logged in: `userId` is the hwid that the device has when it is sent. The one in `fields` is for older versions, which send it as it is. */
  readonly isLogout?: boolean
}

export interface Store {
  read(): Promise<DeviceState | undefined>
  /**
   * Atomic, also against other tabs and the service worker. With a call, that is kept by the same change: nobody sees one without the other, and
   * whoever is ended in between has left neither.
   */
  update(change: (state: DeviceState | undefined) => DeviceState, call?: KeptCall): Promise<DeviceState>
  /** Changes nothing when one with its key is kept: it happened then. */
  keep(call: KeptCall): Promise<void>
  /** In the order in which they were kept, whatever their clocks said. */
  kept(): Promise<readonly KeptCall[]>
  forget(key: string): Promise<void>
}

/**
 * The state to go on with under these settings: another application is another device; another server
 * has not confirmed anything yet.
 */
export function adoptSettings(
  state: DeviceState | undefined,
  settings: Settings,
  makeUuid: () => string,
): DeviceState {
  if (state === undefined || state.settings.application !== settings.application)
    return newDevice(settings, makeUuid())
  if (state.settings.baseUrl !== settings.baseUrl)
    return { ...state, settings, registered: undefined, openedAt: undefined }
  return { ...state, settings }
}

function newDevice(settings: Settings, uuid: string): DeviceState {
  return {
    settings,
    hwid: `${settings.application}_${uuid}`,
    userId: undefined,
    isOptedOut: false,
    registered: undefined,
    replacedAt: undefined,
    openedAt: undefined,
    clientSeq: 0,
  }
}
