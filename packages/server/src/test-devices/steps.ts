/**
 * The steps of an invitation: what is kept of each, and what to do where one failed.
 *
 *   scanned → app_opened → permission → token → upload → credential → accepted → received → opened
 *
 * A step that failed may be done later (the permission is given after all), and one that is done may fail at the next try.
 */
import { INVITATION_STEPS, type InvitationStep, type StepView } from '@roost/protocol'
import { remedyOfRegistrationError } from '../insight/integration/registration-errors.ts'

/** Kept by name of the step; one that is not there waits. */
export type KeptSteps = Readonly<Partial<Record<InvitationStep, KeptStep>>>
export type KeptStep = Pick<StepView, 'reason' | 'detail' | 'remedy'> & {
  readonly state: 'done' | 'failed'
  readonly at: string
}

const NOTHING = { reason: null, detail: null, remedy: null }

export function done(at: number, detail: string | null = null): KeptStep {
  return { ...NOTHING, state: 'done', at: new Date(at).toISOString(), detail }
}

export interface Failure {
  readonly reason: string
  readonly detail: string
  readonly remedy: string
}

export function failed(at: number, failure: Failure): KeptStep {
  return { ...failure, state: 'failed', at: new Date(at).toISOString() }
}

/** What came about must have come through what is before it, whether that was told or not. */
const IMPLIED: Readonly<Partial<Record<InvitationStep, InvitationStep>>> = {
  app_opened: 'scanned',
  opened: 'received',
}

/** With what is implied by it, unless that is done already. */
export function withStep(steps: KeptSteps, step: InvitationStep, kept: KeptStep): KeptSteps {
  const before = IMPLIED[step]
  const isImplied = before !== undefined && kept.state === 'done' && steps[before]?.state !== 'done'
  return { ...steps, ...(isImplied ? { [before]: done(Date.parse(kept.at)) } : {}), [step]: kept }
}

/** All of them in their order. */
export function viewOfSteps(steps: KeptSteps): StepView[] {
  return INVITATION_STEPS.map(step => ({
    step,
    ...(steps[step] ?? { ...NOTHING, state: 'waiting', at: null }),
  }))
}

const OPEN_AGAIN = 'Then open the link on the phone again.'

/** Of an error that the phone reports. */
export function failureOf(
  step: 'permission' | 'token' | 'upload',
  { code, message = '' }: { readonly code: string; readonly message?: string | undefined },
): Failure {
  const detail = message === '' ? code : `${code}: ${message}`
  return { reason: code, detail, remedy: `${remedyOf(step, code, message)} ${OPEN_AGAIN}` }
}

const OF_SDK: Readonly<Record<string, string>> = {
  push_not_configured:
    'The app has no Web Push credential: add one (POST …/credentials {"gateway":"webpush","kind":"vapid"}).',
  not_asked: 'The person was not asked yet: press what asks for notifications on the site or in the app.',
  opted_out: 'The person has unsubscribed there: subscribe again.',
  unsupported:
    'This browser has no web push here: it needs https and, on iOS, a site that was added to the home screen.',
  service_worker_failed:
    'See that the service worker lies at the root of the site and is served as JavaScript.',
  unauthorized: 'The device token in the app is not that of this app: POST /v1/apps gave it.',
  unreachable:
    'The phone does not reach the server under the URL that the app has: check it, and the network.',
  unavailable: 'The server, or something before it, could not answer: see its log.',
  refused: 'The server refuses the registration; what it says is above.',
}

function remedyOf(step: 'permission' | 'token' | 'upload', code: string, message: string): string {
  const ofSdk = OF_SDK[code]
  if (ofSdk !== undefined) return ofSdk
  if (step === 'permission')
    return 'Allow notifications of the app in the system settings, or of the site beside its address in the browser.'
  if (step === 'token') return remedyOfRegistrationError(code, message)
  return 'The phone has a token and could not hand it in: check the URL of the server, the application code and the device token in the app.'
}
