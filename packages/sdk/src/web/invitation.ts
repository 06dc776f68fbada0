/**
 * A page that was opened by the code of an invitation (`#roost-test=…`) follows it while it starts or subscribes as on any other day: it takes the
 * code at once, so that "opened" lights up, and reports afterwards what came of permission, token and upload, and what the page finds when it looks
 * at itself.
 */
import type { RoostError } from '../core/error.ts'
import { type InvitedStep, reportStep, type StepError, takeInvitation } from '../core/invitation.ts'
import type { DeviceState } from '../core/state.ts'
import { transport } from './browser.ts'
import type { RoostStatus } from './options.ts'

/** The state of this device, made if there is none: also a browser without push can say so. */
export type ReadDevice = () => Promise<DeviceState>

export interface Invited {
  readonly device: ReadDevice
  /** Hands in what it finds. */
  readonly check: () => Promise<unknown>
}

export interface Following {
  readonly code: string
  /** What the page does as on any other day, begun already. */
  readonly working: Promise<RoostStatus>
}

/** Gives back what came of the work, error included. */
export async function whileInvited(
  { device, check }: Invited,
  { code, working }: Following,
): Promise<RoostStatus> {
  const taken = await take(device, code)
  if (taken === undefined) return working
  try {
    const status = await working
    await report(taken, await withToken(device, stepsOf(status)))
    return status
  } catch (error) {
    await report(taken, [...permissionIfGiven(), failureOf(error)])
    throw error
  } finally {
    await check()
  }
}

interface Taken {
  readonly baseUrl: string
  readonly ticket: string
}

async function take(device: ReadDevice, code: string): Promise<Taken | undefined> {
  try {
    const { settings, hwid } = await device()
    const { baseUrl, application } = settings
    const ticket = await takeInvitation(transport, { baseUrl, application, hwid }, code)
    return ticket === undefined ? undefined : { baseUrl, ticket }
  } catch {
    return undefined // no storage: the page's own work will say so
  }
}

interface Step {
  readonly step: InvitedStep
  readonly token?: string
  readonly error?: StepError
}

async function report(taken: Taken, steps: readonly Step[]): Promise<void> {
  const { baseUrl, ticket } = taken
  for (const step of steps) await reportStep(transport, baseUrl, { ticket, ...step })
}

function stepsOf({ isSupported, permission, isOptedOut, isSubscribed }: RoostStatus): Step[] {
  if (!isSupported) return [{ step: 'token', error: { code: 'unsupported' } }]
  if (permission !== 'granted')
    return [{ step: 'permission', error: { code: permission === 'denied' ? 'denied' : 'not_asked' } }]
  if (isOptedOut) return [{ step: 'permission', error: { code: 'opted_out' } }]
  if (!isSubscribed) return [{ step: 'permission' }, { step: 'token', error: { code: 'not_subscribed' } }]
  return [{ step: 'permission' }, { step: 'token' }, { step: 'upload' }]
}

/** The work has handed it in by then. */
async function withToken(device: ReadDevice, steps: Step[]): Promise<Step[]> {
  const address = (await device().catch(() => undefined))?.registered?.address
  return steps.map(it => (it.step === 'upload' && address !== undefined ? { ...it, token: address } : it))
}

function permissionIfGiven(): Step[] {
  return 'Notification' in globalThis && Notification.permission === 'granted' ? [{ step: 'permission' }] : []
}

/** With a token in hand, and the server not. */
const AT_UPLOAD: ReadonlySet<string> = new Set(['unreachable', 'unavailable', 'unauthorized', 'refused'])
const CODE_CHARACTERS = 64
const MESSAGE_CHARACTERS = 512

function failureOf(error: unknown): Step {
  const { message } = error instanceof Error ? error : { message: String(error) }
  const { code: own } = error as Partial<RoostError>
  const code = typeof own === 'string' ? own : error instanceof Error ? error.name : 'unknown'
  return {
    step: AT_UPLOAD.has(code) ? 'upload' : 'token',
    error: { code: code.slice(0, CODE_CHARACTERS), message: message.slice(0, MESSAGE_CHARACTERS) },
  }
}
