/**
 * What a phone reports of its steps. Once it has handed its token in, the rest is done here: is the address there, is there a credential for
 * it, what does the gateway answer? A hwid is no secret, so the phone proves that it is its own by naming the token that the server has of it:
 * nobody is told of another device, or makes a push go there. The push goes past segments, rules, quiet hours and caps, straight to the gateway (push-test/), and nothing
 * that is answered changes the base.
 */
import { randomUUID } from 'node:crypto'
import { PushError, type PushTestResult, type StepReport } from '@roost/protocol'
import type { PushTester } from '../push-test/tester.ts'
import { bucketOf } from '../registry/buckets.ts'
import { addTestDevice } from '../registry/test-devices.ts'
import { hashesOfToken } from '../registry/token-holders.ts'
import type { Database, Queryable } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { addStep, beginDelivery, type Invitation, keepResult, lockByTicket, noteStep } from './invitations.ts'
import { done, type Failure, failed, failureOf, type KeptSteps } from './steps.ts'

export interface ReportContext {
  readonly db: Database
  readonly clock: Clock
  readonly tester: PushTester
}

/** Resolves when all that follows from it was done, too. Throws `invitation_unknown`. */
export async function takeReport(context: ReportContext, report: StepReport): Promise<KeptSteps> {
  const { db, clock } = context
  const at = clock.now()
  const invitation = await db.transaction(async tx => {
    const found = await lockByTicket(tx, report.ticket, at)
    if (report.error !== undefined)
      return noteStep(tx, found, report.step, failed(at, failureOf(report.step, report.error)))
    return report.step === 'upload' ? found : noteStep(tx, found, report.step, done(at))
  })
  if (report.step === 'upload' && report.error === undefined) await goOn(context, invitation, report.token)
  const { rows } = await db.query<{ steps: KeptSteps }>('select steps from test_invitation where id = $1', [
    invitation.id,
  ])
  return rows[0]?.steps ?? {}
}

interface Held {
  readonly provider: 'apns' | 'fcm' | 'webpush' | 'hms'
  readonly environment: string
  readonly state: string
  readonly reason: string | null
  readonly isOptedOut: boolean
  readonly credentialId: string | null
  readonly addressEnd: string
  readonly hash: Buffer
  readonly deviceModel: string | null
}

/** A gateway answers within ten seconds; who has waited for longer has died over it. */
const UNDER_WAY_MS = 30_000

/** Phones report twice: a page is loaded again, an app is opened anew. */
function isSent({ deliveryId, steps: { accepted, credential } }: Invitation, at: number): boolean {
  if (deliveryId === null || accepted?.state === 'done') return deliveryId !== null
  const begun = Date.parse(credential?.at ?? '')
  const isAnswered = accepted !== undefined && Date.parse(accepted.at) >= begun
  return !isAnswered && at - begun < UNDER_WAY_MS
}

async function goOn(
  context: ReportContext,
  invitation: Invitation,
  token: string | undefined,
): Promise<void> {
  const { db, clock } = context
  const { id } = invitation
  if (isSent(invitation, clock.now())) return
  const note = (step: 'permission' | 'upload' | 'credential', failure: Failure) =>
    addStep(db, id, step, failed(clock.now(), failure))
  if (token === undefined) return note('upload', UNPROVEN)
  const held = await findAddress(db, invitation)
  if (held === undefined) return note('upload', NO_ADDRESS)
  const fault = isTokenOf(held, token) ? faultOf(held) : OTHER_TOKEN
  if (fault !== undefined) return note('upload', fault)
  const refusal = await makeTestDevice(context, invitation, held).catch(asRefusal)
  if (refusal !== undefined) return note('upload', refusalOf(refusal))
  await addStep(db, id, 'upload', done(clock.now(), `${nameOf(held)} …${held.addressEnd}`))
  if (held.isOptedOut) return note('permission', DENIED)
  const credential = await findCredential(db, invitation.appId, held)
  if (credential === undefined) return note('credential', noCredential(held))
  await addStep(db, id, 'credential', done(clock.now(), `${credential.kind} ${credential.id}`))
  await send(context, invitation, credential.id)
}

const ADDRESS = `
  select a.provider, a.environment, a.state, a.reason, a.opted_out as "isOptedOut", a.credential_id as "credentialId",
         right(a.address, 8) as "addressEnd", a.address_hash as hash, d.device_model as "deviceModel"
    from address a join device d on d.bucket = a.bucket and d.app_id = a.app_id and d.hwid = a.hwid
   where a.bucket = $1 and a.app_id = $2 and a.hwid = $3 and a.kind = 'alert'
   order by (a.state in ('active', 'suspect')) desc, a.state_since desc limit 1`

async function findAddress(db: Queryable, { appId, hwid }: Invitation): Promise<Held | undefined> {
  return (await db.query<Held>(ADDRESS, [bucketOf(hwid ?? ''), appId, hwid])).rows[0]
}

function isTokenOf({ hash }: Held, token: string): boolean {
  return hashesOfToken(token).some(it => it.equals(hash))
}

const UNPROVEN: Failure = {
  reason: 'token_not_named',
  detail: 'the app says that it has handed its token in, and not which one',
  remedy:
    'Have the app name it: POST /v1/test-invitations/report {"ticket","step":"upload","token"}; then open the link again.',
}

const OTHER_TOKEN: Failure = {
  reason: 'other_token',
  detail: 'the phone has another token than the server has of this hwid',
  remedy:
    'See that the app registers (registerDevice) with its newest token before it reports, and that no other phone has the same hwid; then open the link again.',
}

const NO_ADDRESS: Failure = {
  reason: 'no_address',
  detail: 'the server has no token of this phone',
  remedy:
    'See that the app registers (registerDevice) with its token before it reports, and with the same hwid; then open the link again.',
}

const DENIED: Failure = {
  reason: 'permission_denied',
  detail: 'the device says that it may show nothing (R26), so nothing is sent to it',
  remedy: 'Allow notifications of the app in the system settings, and open the link again.',
}

function faultOf(held: Held): Failure | undefined {
  if (held.state === 'active' || held.state === 'suspect') return undefined
  const why = held.reason === null ? '' : ` (${held.reason})`
  return {
    reason: `address_${held.state}`,
    detail: `its last token is ${held.state}${why}`,
    remedy:
      'Have the app register again: that makes its token the active one (R6); then open the link again.',
  }
}

function nameOf({ provider, environment }: Held): string {
  return environment === '' ? provider : `${provider} ${environment}`
}

function noCredential(held: Held): Failure {
  return {
    reason: held.environment === '' ? 'no_credential' : `no_credential_${held.environment}`,
    detail: `the app has no credential for ${nameOf(held)}`,
    remedy: 'Upload one (POST …/credentials, or the console), and open the link again.',
  }
}

/** As sending chooses it (credentials/senders.ts): the newest that serves the address, rather one that is not paused. */
const CREDENTIAL = `
  select id, kind from credential
   where app_id = $1 and gateway = $2 and ($2 <> 'apns' or $3 = any(environments))
     and ($2 <> 'webpush' or $4::uuid is null or id = $4)
   order by exists (select from credential_pause p
                     where p.credential_id = credential.id and p.version = credential.version and p.part = ''),
            created_at desc, id desc limit 1`

async function findCredential(
  db: Queryable,
  appId: number,
  { provider, environment, credentialId }: Held,
): Promise<{ readonly id: string; readonly kind: string } | undefined> {
  const values = [appId, provider, environment, credentialId]
  return (await db.query<{ id: string; kind: string }>(CREDENTIAL, values)).rows[0]
}

/** The one that is a test device already keeps its name, unless the invitation has one. */
async function makeTestDevice(
  { db, clock }: ReportContext,
  { appId, hwid, name, description }: Invitation,
  { deviceModel }: Held,
): Promise<undefined> {
  if (hwid === null) return
  const { rowCount } = await db.query(
    'select from test_device where bucket = $1 and app_id = $2 and hwid = $3',
    [bucketOf(hwid), appId, hwid],
  )
  if (rowCount > 0 && name === null) return
  await addTestDevice(db, { appId, hwid, name: name ?? deviceModel ?? hwid, description, at: clock.now() })
}

async function send(
  { db, clock, tester }: ReportContext,
  invitation: Invitation,
  credentialId: string,
): Promise<void> {
  const { id, appId, hwid, notification } = invitation
  const deliveryId = randomUUID() // version 4: receipts.ts
  if (hwid === null || !(await beginDelivery(db, invitation, deliveryId))) return
  const push = { credential: { id: credentialId }, address: { hwid }, notification, validateOnly: false }
  try {
    const result = await tester.run(appId, push, deliveryId)
    await keepResult(db, id, result)
    await addStep(db, id, 'accepted', answerOf(result, clock.now()))
  } catch (error) {
    if (!(error instanceof PushError)) throw error
    await addStep(db, id, 'accepted', failed(clock.now(), refusalOf(error)))
  }
}

function answerOf({ outcome, gateway, meaning, remedy, exchanges }: PushTestResult, at: number) {
  const ms = exchanges.at(-1)?.latencyMs
  if (outcome.kind === 'accepted')
    return done(at, `${gateway}${ms === undefined ? '' : `, in ${Math.round(ms)} ms`}`)
  return failed(at, { reason: outcome.reason ?? outcome.kind, detail: meaning, remedy })
}

/** One too many, say. */
function asRefusal(error: unknown): PushError {
  if (error instanceof PushError) return error
  throw error
}

function refusalOf({ code, message }: PushError): Failure {
  return { reason: code, detail: message, remedy: 'Mend what is named here, and open the link again.' }
}
