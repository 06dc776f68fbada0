/**
 * What the clients of pages and of apps do in the same way.
 */
import { VERSION } from './client.ts'
import { knowsUser } from './received.ts'
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
  /** As the app gave it (`nameOf`). */
  readonly userId: unknown
  readonly uuid: string
  readonly now: number
}

export interface ChangedUser {
  /** Kept; to be sent. */
  readonly call: KeptCall
  readonly user: string | undefined
  /** Than the one before. */
  readonly isOther: boolean
  /** What is on the screen and what rings may be for somebody else: also where nobody was named here, since a back end may have named them. */
  readonly isScreenForeign: boolean
}

/**
 * R25: from here on nothing of the former person is shown, and the server is to be told; by one change, so whoever is ended in between has done neither,
 * and of two pages whose people log in and out at once the server hears last of the one that counts here.
 */
export async function changeUser({ store, adopt, userId, uuid, now }: UserChange): Promise<ChangedUser> {
  const user = nameOf(userId)
  const { hwid } = await store.update(adopt)
  const fields = { userId: user ?? hwid }
  const isLogout = user === undefined
  const call = { key: `registerUser:${uuid}`, method: 'registerUser', fields, at: now, isLogout }
  let isOther = false
  let isScreenForeign = false
  await store.update(state => {
    isOther = state?.userId !== user
    isScreenForeign = isOther || state === undefined || !knowsUser(state)
    return { ...adopt(state), userId: user, isUserTold: true }
  }, call)
  return { call, user, isOther, isScreenForeign }
}

/** Scripts name people by numbers, which servers and pushes know as text. Nobody: all else, as `null`, `false`, 0 and an empty name. */
function nameOf(given: unknown): string | undefined {
  const isName = typeof given === 'string' || Number.isSafeInteger(given)
  return isName && given ? String(given) : undefined
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
