/**
 * Tells the server where this device can be reached: at every start with what the system says then (R31), and whenever that changes.
 *
 * What the person allows goes along: a token works on without permission, gateways answer 200, and nothing is shown (R26). So the token stays
 * registered and the server knows not to send. What can't be told now is not kept but told by the next start or look at the app, as it is then: a
 * kept registration could undo a later withdrawal.
 */
import { isDue } from '../core/decide.ts'
import { RoostError } from '../core/error.ts'
import type { DeviceState, Registered } from '../core/state.ts'
import type { Environment } from './environment.ts'
import type { Permission } from './native-push.ts'

/** What was told with the address, too: a change is told at once. */
type Confirmed = Registered & { readonly told?: string }

interface Found {
  readonly token: string | undefined
  readonly error: Error | undefined
}

/** The server may have it when no answer comes: it is told again, and can be withdrawn. */
const UNCONFIRMED: Registered = { address: '', vapidKey: '', at: 0 }

/** May be called at will; one runs at a time. Throws RoostError. */
export function syncRegistration(environment: Environment): Promise<void> {
  return environment.lock('roost-registration', async () => {
    const state = await environment.store.read()
    if (state?.isOptedOut) await withdraw(environment, state)
    else await register(environment, state)
  })
}

async function withdraw(environment: Environment, { registered }: DeviceState): Promise<void> {
  if (registered === undefined) return
  await environment.client.call('unregisterDevice')
  await remember(environment, undefined)
}

async function register(environment: Environment, state: DeviceState | undefined): Promise<void> {
  const found = await findToken(environment)
  const permission = await environment.native.permission()
  const fields = fieldsOf(environment, found, permission)
  const told = JSON.stringify([fields, environment.facts(), state?.settings.appVersion])
  if (isConfirmed(state?.registered, told, environment.now())) return
  if (state?.registered === undefined) await remember(environment, UNCONFIRMED)
  await environment.client.call('registerDevice', fields)
  const confirmed: Confirmed = { address: found.token ?? '', vapidKey: '', at: environment.now(), told }
  await remember(environment, confirmed)
}

async function findToken({ native }: Environment): Promise<Found> {
  try {
    return { token: await native.token(), error: undefined }
  } catch (error) {
    return { token: undefined, error: error instanceof Error ? error : new Error(String(error)) }
  }
}

function fieldsOf(
  { native, apnsEnvironment, voip }: Environment,
  { token, error }: Found,
  permission: Permission,
): Readonly<Record<string, unknown>> {
  const voipToken = voip?.token
  return {
    permission,
    ...(token !== undefined && { push_token: token }),
    ...(native.platform === 'ios' && { gateway: apnsEnvironment }),
    ...(voipToken !== undefined && { voip_push_token: voipToken }),
    ...(error !== undefined && {
      registration_error: { code: 'token_unavailable', message: error.message.slice(0, 200) },
    }),
  }
}

function isConfirmed(registered: Confirmed | undefined, told: string, now: number): boolean {
  return registered !== undefined && registered.told === told && !isDue(registered.at, now)
}

async function remember({ store }: Environment, registered: Registered | undefined): Promise<void> {
  await store.update(state => {
    if (state === undefined) throw new RoostError('not_started', 'Roost was never started on this device')
    return { ...state, registered }
  })
}
