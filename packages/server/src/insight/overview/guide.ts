/**
 * How far the set-up of an app has come, platform by platform: from its credentials, what integration health knows of its devices, the statistics
 * (which say since when), and its test devices. What is counted by the statistics is known within a minute.
 */
import { meaningOf } from '@roost/gateways'
import {
  type CredentialView,
  GUIDE_PLATFORMS,
  GUIDE_STEPS,
  type Guide,
  type GuidePlatform,
  type GuideStep,
  type GuideStepName,
  type Integration,
  type Provider,
} from '@roost/protocol'
import { listCredentials } from '../../credentials/credentials.ts'
import { PROVIDER_OF } from '../../registry/address.ts'
import type { Queryable } from '../../store/database.ts'
import { FEATURE_NEEDS } from '../integration/features.ts'
import { readHealth } from '../integration/health.ts'
import { gatewayOfPlatform } from '../statistics/words.ts'

export interface GuideQuery {
  readonly appId: number
  /** ms */
  readonly at: number
  /** From 0 to below 1. */
  readonly random: () => number
}

export async function readGuide(db: Queryable, query: GuideQuery): Promise<Guide> {
  const { appId, at } = query
  const credentials = await listCredentials(db, appId, at)
  const health = await readHealth(db, query)
  const firsts = await readFirsts(db, appId)
  const refusals = await readRefusals(db, appId)
  const testDevices = await readTestDevices(db, appId)
  return {
    platforms: GUIDE_PLATFORMS.map(platform => {
      const gateway = PROVIDER_OF[platform]
      const facts: Facts = {
        platform,
        gateway,
        health,
        credentials: credentials.filter(it => it.gateway === gateway),
        since: metric => firsts.find(it => it.gateway === gateway && it.metric === metric)?.at,
        refusal: refusals.find(it => it.gateway === gateway),
        testDeviceSince: testDevices.get(gateway),
      }
      return { platform, gateway, steps: stepsOf(platform).map(step => STEPS[step](facts, step)) }
    }),
  }
}

function stepsOf(platform: GuidePlatform): readonly GuideStepName[] {
  return GUIDE_STEPS.filter(it => it !== 'extension' || platform === 'ios')
}

interface Facts {
  readonly platform: GuidePlatform
  readonly gateway: Provider
  readonly credentials: readonly CredentialView[]
  readonly health: Integration
  /** When it was counted first. */
  readonly since: (metric: string) => string | undefined
  readonly refusal: Refusal | undefined
  readonly testDeviceSince: string | undefined
}

// ── what is known ─────────────────────────────────────────────────────────────────────────────────────────────────────

interface First {
  readonly gateway: string
  readonly metric: string
  readonly at: string
}

const METRICS = ['installs', 'ledger_registered', 'accepted', 'delivered', 'opened']

/**
 * By the primary keys of both, and the tally of what was not folded yet. The day tells where the hour is looked for: to look among all hours of
 * years took half a second. Hours are kept for a while, days for ever. Of another time zone by now, the hour may lie beside its day.
 */
const FIRSTS = `
  with first_day as (
    select gateway, metric, min(day) as day from stat_day
     where app_id = $1 and scope = '' and metric = any($2) and n > 0 and isfinite(day) group by 1, 2
  )
  select gateway, metric, min(at) as at
    from (select f.gateway, f.metric,
                 coalesce((select min(h.at) from stat_hour h
                            where h.app_id = $1 and h.scope = '' and h.metric = f.metric and h.gateway = f.gateway and h.n > 0
                              and h.at >= (f.day - 1)::timestamp at time zone a.time_zone
                              and h.at < (f.day + 2)::timestamp at time zone a.time_zone),
                          f.day::timestamp at time zone a.time_zone) as at
            from first_day f join app a on a.id = $1
          union all
          select gateway, metric, min(at) from stat_tally where app_id = $1 and metric = any($2) group by 1, 2) s
   group by 1, 2`

async function readFirsts(db: Queryable, appId: number): Promise<First[]> {
  return (await db.query<First>(FIRSTS, [appId, METRICS])).rows
}

interface Refusal {
  readonly gateway: Provider
  readonly outcome: 'dead' | 'failed'
  readonly reason: string
  readonly at: string
}

/** Of each gateway what most deliveries came to nothing by. */
const REFUSALS = `
  select distinct on (gateway) gateway, metric as outcome, detail as reason, min(day)::timestamp at time zone 'UTC' as at
    from stat_day
   where app_id = $1 and scope = '' and metric in ('dead', 'failed') and n > 0 and isfinite(day)
   group by 1, 2, 3 order by 1, sum(n) desc, 2, 3`

async function readRefusals(db: Queryable, appId: number): Promise<Refusal[]> {
  return (await db.query<Refusal>(REFUSALS, [appId])).rows
}

const TEST_DEVICES = `
  select ${gatewayOfPlatform('d.platform')} as gateway, min(t.created_at) as at
    from test_device t
    cross join lateral (
      select platform from device where bucket = t.bucket and app_id = t.app_id and hwid = t.hwid limit 1) d
   where t.app_id = $1 and d.platform is not null group by 1`

async function readTestDevices(db: Queryable, appId: number): Promise<ReadonlyMap<string, string>> {
  return sinces(db, TEST_DEVICES, [appId])
}

async function sinces(
  db: Queryable,
  text: string,
  values: readonly unknown[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ gateway: string; at: string }>(text, values)
  return new Map(rows.map(it => [it.gateway, it.at]))
}

// ── what it comes to ──────────────────────────────────────────────────────────────────────────────────────────────────

type Judge = (facts: Facts, step: GuideStepName) => GuideStep

const done = (step: GuideStepName, since: string | undefined): GuideStep => ({
  step,
  state: 'done',
  since: since ?? null,
  code: null,
  detail: null,
  remedy: null,
})
const open = (step: GuideStepName, remedy: string): GuideStep => ({
  step,
  state: 'open',
  since: null,
  code: null,
  detail: null,
  remedy,
})

const UPLOADS: Readonly<Record<Provider, string>> = {
  apns: 'Upload the APNs key (.p8) of your team: POST …/credentials {"gateway":"apns","kind":"p8",…}.',
  fcm: 'Upload the service account of your Firebase project: POST …/credentials {"gateway":"fcm","kind":"service-account",…}.',
  webpush: 'Make a VAPID key pair: POST …/credentials {"gateway":"webpush","kind":"vapid"}.',
  hms: 'Enter the app and client of AppGallery Connect: POST …/credentials {"gateway":"hms","kind":"client",…}.',
}

const STEPS: Readonly<Record<GuideStepName, Judge>> = {
  credential: judgeCredential,
  device: judgeDevice,
  accepted: judgeAccepted,
  received: (facts, step) =>
    has(facts, step, 'delivered') ??
    open(
      step,
      facts.platform === 'ios'
        ? 'Nothing told yet that a push came: iOS tells it through the notification service extension.'
        : 'Nothing told yet that a push came: have the app send its receipts (messageDeliveryEvent, or the SDK).',
    ),
  opened: (facts, step) =>
    has(facts, step, 'opened') ??
    open(step, 'Open a push on the device; the app has to tell of it (pushStat, or the SDK).'),
  extension: judgeExtension,
  test_device: (facts, step) =>
    facts.testDeviceSince === undefined
      ? open(step, 'Scan a code with a phone: POST …/test-devices/invitations, or roost test-device.')
      : done(step, facts.testDeviceSince),
}

function has(facts: Facts, step: GuideStepName, metric: string): GuideStep | undefined {
  const since = facts.since(metric)
  return since === undefined ? undefined : done(step, since)
}

/** Good on paper, and no gateway has said no; where one can be asked, it has to have taken it, or a push. */
function judgeCredential({ credentials, gateway, since }: Facts, step: GuideStepName): GuideStep {
  const faultOf = (it: CredentialView) => it.problems.find(problem => problem.severity === 'error')
  const good = credentials.find(it => it.status === 'active' && faultOf(it) === undefined)
  const isAsked = (good?.checks.length ?? 0) > 0
  const isTaken =
    !isAsked || good?.checks.some(it => it.outcome === 'accepted') || since('accepted') !== undefined
  if (good !== undefined && isTaken) return done(step, good.createdAt)
  if (good !== undefined)
    return open(
      step,
      'The gateway could not be asked yet. See that the server reaches it, then POST …/credentials/{id}/check.',
    )
  const [bad] = credentials
  if (bad === undefined) return open(step, UPLOADS[gateway])
  const fault = faultOf(bad)
  return {
    step,
    state: 'trouble',
    since: bad.updatedAt,
    code: fault?.code ?? 'credential_paused',
    detail: fault?.message ?? 'Nothing is sent with this credential.',
    remedy: fault?.remedy ?? 'Replace its content: PUT …/credentials/{id}.',
    ...(fault && { values: fault.values }),
  }
}

/**
 * To look for one address of a gateway that nobody is at would read all others (a second of a million devices). Those of small bases are all in the
 * sample, and registrations are counted within a minute.
 */
function judgeDevice({ platform, gateway, since, health }: Facts, step: GuideStepName): GuideStep {
  const came = since('installs')
  const registered = since('ledger_registered')
  if (registered !== undefined || health.environments.some(it => it.gateway === gateway))
    return done(step, registered)
  const isHere = came !== undefined || health.versions.some(it => it.platform === platform)
  const [error] = health.registrationErrors
  if (!isHere)
    return open(
      step,
      'Build the SDK into the app, with the application code and the device token, and open it.',
    )
  return {
    step,
    state: 'trouble',
    since: came ?? null,
    code: error?.code ?? 'no_token',
    detail: error?.message ?? 'Devices have come, and none of them has an address that is sent to.',
    remedy:
      error?.remedy ??
      'Have the app ask for permission and hand in its push token; roost diagnose device <hwid> tells what is known of one.',
  }
}

function judgeAccepted(facts: Facts, step: GuideStepName): GuideStep {
  const accepted = has(facts, step, 'accepted')
  if (accepted !== undefined) return accepted
  const { refusal, gateway } = facts
  if (refusal === undefined)
    return open(step, 'Send a message to a device: POST …/messages {"to":{"devices":[hwid]},…}.')
  const { outcome, reason, at } = refusal
  const { meaning, remedy } = meaningOf(
    outcome === 'dead'
      ? { kind: 'address_dead', reason, since: undefined }
      : { kind: 'message_fault', reason },
    gateway,
  )
  return { step, state: 'trouble', since: at, code: reason, detail: meaning, remedy }
}

function judgeExtension({ health }: Facts, step: GuideStepName): GuideStep {
  const feature = health.features.find(it => it.feature === 'receipts')
  if (feature !== undefined && feature.devices > 0) return done(step, undefined)
  if (feature === undefined || feature.tooOld === 0) return open(step, FEATURE_NEEDS.receipts.remedy)
  return {
    step,
    state: 'trouble',
    since: null,
    code: 'extension_too_old',
    detail: `All extensions that devices tell of are older than ${feature.minimum}.`,
    remedy: feature.remedy,
  }
}
