/**
 * What the clients of pages and of apps do in the same way.
 */
import { VERSION } from './client.ts'
import type { DeviceState, KeptCall, Store } from './state.ts'

let isIntroduced = false

/** Once a page or process: whoever looks into the console wants to know. */
export function introduce(): void {
  if (!isIntroduced) console.info(`Roost ${VERSION}`)
  isIntroduced = true
}

export interface UserChange {
  readonly store: Store
  readonly adopt: (state: DeviceState | undefined) => DeviceState
  /** Undefined, and an empty name: nobody is logged in. */
  readonly userId: string | undefined
  readonly uuid: string
  readonly now: number
}

export interface ChangedUser {
  /** Kept; to be sent. */
  readonly call: KeptCall
  readonly user: string | undefined
  /** Than the one before. */
  readonly isOther: boolean
}

/**
 * R25: from here on nothing of the former person is shown, and the server is to be told; by one change, so whoever is ended in between has done neither,
 * and of two pages whose people log in and out at once the server hears last of the one that counts here.
 */
export async function changeUser({ store, adopt, userId, uuid, now }: UserChange): Promise<ChangedUser> {
  const user = String(userId ?? '') || undefined // scripts name people by numbers; servers and pushes know them as text
  const { hwid } = await store.update(adopt)
  const fields = { userId: user ?? hwid }
  const isLogout = user === undefined
  const call = { key: `registerUser:${uuid}`, method: 'registerUser', fields, at: now, isLogout }
  let isOther = false
  await store.update(state => {
    isOther = state?.userId !== user
    return { ...adopt(state), userId: user, isUserTold: true }
  }, call)
  return { call, user, isOther }
}

/** Gives back the status when the app has heard of it. */
export async function announce<Status>(
  reading: Promise<Status>,
  onChange: ((status: Status) => void) | undefined,
): Promise<Status> {
  const status = await reading
  onChange?.(status)
  return status
}
