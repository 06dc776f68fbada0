/** The background jobs: their names, their times (UTC), and what each does. `roost jobs` lists and runs them. */

import type { RemovedCount } from '@roost/protocol'
import { dropOldAudit } from '../access/audit.ts'
import { finishDeletions } from '../access/deletion.ts'
import { dropOldMemberInvitations } from '../access/member-invitations.ts'
import { dropOldSessions } from '../access/sessions.ts'
import { stepsApart } from '../apart.ts'
import { dropExpiredExports } from '../audience/export.ts'
import { runExports } from '../audience/export-writing.ts'
import { dropAbandonedLists } from '../audience/list-deletion.ts'
import { cleanSnapshots, computeSegments } from '../audience/nightly.ts'
import { dropExpiredSegments } from '../audience/segments.ts'
import { dropOldCalls } from '../calls/store.ts'
import type { CheckCounts, CredentialChecks } from '../credentials/checks.ts'
import { watchCredentials } from '../credentials/watch.ts'
import { dropOldAcceptances } from '../dispatch/acceptances.ts'
import { type Aged, ageAddresses, endExpired } from '../hygiene/aging.ts'
import { eraseSilent } from '../hygiene/erasing.ts'
import { rollTally, settleDecisions } from '../hygiene/guard.ts'
import { deliverWithRemovals } from '../hygiene/removal-webhooks.ts'
import { watchSymptoms } from '../hygiene/symptoms/watch.ts'
import { finishUndos } from '../hygiene/undo.ts'
import { trackUninstalls } from '../hygiene/uninstalls/job.ts'
import { cleanInboxes } from '../inbox/clean.ts'
import { fillMembers } from '../inbox/members.ts'
import { raiseIncidents } from '../insight/diagnosis/campaign/incidents.ts'
import { dropOldHours } from '../insight/statistics/fold.ts'
import { rollUp } from '../insight/statistics/job.ts'
import { dropOldFrames } from '../live/frames.ts'
import { dropOldTriggered } from '../messages/triggers/cleaning.ts'
import { dropOldBulkRequests, runBulkRequests } from '../registry/bulk/requests.ts'
import { sweepErasures } from '../registry/erase/erase.ts'
import { dropOldFormerUsers } from '../registry/search/former-users.ts'
import type { Database } from '../store/database.ts'
import { dropOldInvitations } from '../test-devices/invitations.ts'
import { type DeliverOptions, dropOldEvents } from '../webhooks/deliver.ts'
import { dropOldRuns } from './old-runs.ts'

export interface JobContext {
  readonly db: Database
  readonly checks: CredentialChecks
  readonly webhooks: DeliverOptions
}

export interface Job {
  readonly does: string
  /**
   * Five fields, in UTC. `spread` is 0 ≤ n < 1440, another one in each installation: minutes of the day for what all of
   * them would else ask of the gateways at the same time.
   */
  cron(spread: number): string
  /**
   * `at`: ms; what is due then is done. Returns a line for the record, or nothing when there was nothing to do. Safe to
   * run twice, and in several processes at once. `appId`: of this app alone, where the job is one of apps.
   */
  run(context: JobContext, at: number, appId?: number): Promise<string | JobReport | undefined>
  /** It works app by app and tells of each: whoever looks after an app sees that and may have it run for it. */
  readonly isOfApps?: true
}

/** For the record of a job that takes something out of the base. */
export interface JobReport {
  readonly summary: string
  readonly removed: readonly RemovedCount[]
  /** Of a job of apps: what it did in each. */
  readonly parts?: readonly AppPart[]
}

export interface AppPart {
  readonly appId: number
  readonly summary: string
  readonly removed: readonly RemovedCount[]
}

const EVERY_MINUTE = '* * * * *'

export const JOBS = {
  'credential-check': {
    does: 'asks the gateways whether they still take each credential',
    cron: daily,
    isOfApps: true,
    run: async ({ checks }, at, appId) => {
      const parts: AppPart[] = []
      const tell = (of: number, counts: CheckCounts) =>
        parts.push({ appId: of, summary: wordsOfChecks(counts), removed: [] })
      const all = await checks.checkAll(at, { appId, tell })
      return { summary: wordsOfChecks(all), removed: [], parts }
    },
  },
  'credential-watch': {
    does: 'warns of certificates that expire, stops expired ones, tells of refused credentials',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const { expiring, expired, refused } = await watchCredentials(db, at)
      if (expiring + expired + refused === 0) return undefined
      return `${expiring} expiring, ${expired} expired, ${refused} refused`
    },
  },
  'address-aging': {
    does: 'ends addresses whose device was not heard of or did not open the app for long, forgets those that ended long ago, and erases devices that were silent for longer than that',
    cron: daily,
    isOfApps: true,
    run: async ({ db, webhooks }, at, appId) => {
      const apps = new Map<number, Aged>()
      const tell = (of: number, { removed, forgotten }: Aged) => {
        const known = apps.get(of) ?? { removed: [], forgotten: 0 }
        apps.set(of, {
          removed: [...known.removed, ...removed],
          forgotten: known.forgotten + forgotten,
        })
      }
      const sweeping = { isStopped: () => webhooks.signal?.aborted ?? false, appId, tell }
      const { removed, forgotten } = await ageAddresses(db, at, sweeping)
      const erased = await eraseSilent(db, at, sweeping)
      const parts = [...apps].map(([of, aged]) => ({ appId: of, ...reportOfAging(aged) }))
      return { ...reportOfAging({ removed: [...removed, ...erased], forgotten }), parts }
    },
  },
  'address-watch': {
    does: 'ends web subscriptions whose time is over, goes on with decided alerts, sums up what gateways said',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const removed = await endExpired(db, at)
      const decided = await settleDecisions(db, at)
      await rollTally(db, at)
      if (removed.length === 0 && decided === 0) return undefined
      return { summary: [...totalsOf(removed), `${decided} decided`].join(', '), removed }
    },
  },
  'alert-watch': {
    does: 'opens alerts of what is wrong for some time (deaths, quotas, queues, credentials), and closes them when it is over',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const { opened: ofSymptoms, closed } = await watchSymptoms(db, at)
      const opened = ofSymptoms + (await raiseIncidents(db, at))
      return opened + closed === 0 ? undefined : `${opened} opened, ${closed} closed`
    },
  },
  'uninstall-tracking': {
    does: 'begins and ends days of silent pushes that look for uninstallations, and says a day later what became of the dead',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => trackUninstalls(db, at),
  },
  'webhook-delivery': {
    does: 'delivers events to webhooks, and tries again what failed',
    cron: () => EVERY_MINUTE,
    run: async ({ webhooks }, at) => {
      const { delivered, refused } = await deliverWithRemovals(webhooks, at)
      return delivered + refused === 0 ? undefined : `${delivered} delivered, ${refused} not`
    },
  },
  'removal-undo': {
    does: 'carries on with removals that are being taken back',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const restored = await finishUndos(db, at)
      return restored === 0 ? undefined : `${restored} restored`
    },
  },
  'bulk-requests': {
    does: 'works on bulk calls that wait',
    cron: () => EVERY_MINUTE,
    run: async ({ db, webhooks }, at) => {
      const done = await runBulkRequests({ db, allowPrivateEndpoints: webhooks.allowPrivate }, at)
      return done === 0 ? undefined : `${done} done`
    },
  },
  'app-deletion': {
    does: 'takes away what is left of apps that were deleted',
    cron: () => EVERY_MINUTE,
    run: async ({ db, webhooks }, at) => {
      const { apps, rows } = await finishDeletions(db, at, () => webhooks.signal?.aborted ?? false)
      return apps + rows === 0 ? undefined : `${rows} rows; nothing is left of ${apps} apps`
    },
  },
  'erasure-sweep': {
    does: 'erases what was still under way while its device was erased',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const swept = await sweepErasures(db, at)
      return swept === 0 ? undefined : `${swept} swept`
    },
  },
  segments: {
    does: 'computes nightly segments whose hour has come, or that somebody asked for',
    cron: () => EVERY_MINUTE,
    run: async ({ db, webhooks }, at) => {
      const { computing, cleaning, dropping } = await stepsApart({
        computing: () => computeSegments(db, at, () => webhooks.signal?.aborted ?? false),
        cleaning: () => cleanSnapshots(db, at),
        dropping: () => dropExpiredSegments(db, at),
      })
      const { computed, failed } = computing
      return computed + failed + cleaning + dropping === 0
        ? undefined
        : `${computed} computed, ${failed} failed, ${cleaning} dropped, ${dropping} expired`
    },
  },
  'segment-exports': {
    does: 'writes the files of exports that were asked for, and drops those whose link has expired',
    cron: () => EVERY_MINUTE,
    run: async ({ db, webhooks }, at) => {
      const { writing, dropping } = await stepsApart({
        writing: () => runExports(db, at, () => webhooks.signal?.aborted ?? false),
        dropping: () => dropExpiredExports(db, at),
      })
      return writing + dropping === 0 ? undefined : `${writing} done, ${dropping} dropped`
    },
  },
  statistics: {
    does: 'counts what happened since the last time by hour and day, and what the base has come to at the end of each day',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const { days } = await rollUp(db, at)
      return days === 0 ? undefined : `${days} days ended`
    },
  },
  'inbox-members': {
    does: 'writes down whom messages to a condition met, for their inboxes',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const { messages, leftOut } = await fillMembers(db, at)
      if (messages === 0) return undefined
      return `${messages} messages${leftOut === 0 ? '' : `; ${leftOut} devices left out, which became somebody else's meanwhile`}`
    },
  },
  'inbox-cleaning': {
    does: 'takes messages out of inboxes whose time there is over',
    cron: daily,
    run: async ({ db }, at) => {
      const cleaned = await cleanInboxes(db, at)
      return cleaned === 0 ? undefined : `${cleaned} messages`
    },
  },
  'log-cleaning': {
    does: 'drops runs of jobs, events of webhooks, acceptances and calls that are older than 30 days, lists whose upload broke off, what triggers no longer ask for, invitations of test devices, names of former users that are older than half a year, hours of statistics that are kept as days, sessions and invitations of people that are over, and changes in the audit log that are older than a year',
    cron: daily,
    run: async ({ db }, at) => {
      const counts = await stepsApart({
        runs: () => dropOldRuns(db, at),
        acceptances: () => dropOldAcceptances(db, at),
        frames: () => dropOldFrames(db, at),
        calls: () => dropOldCalls(db, at),
        events: () => dropOldEvents(db, at),
        bulkRequests: () => dropOldBulkRequests(db, at),
        lists: () => dropAbandonedLists(db, at),
        triggered: () => dropOldTriggered(db, at),
        invitations: () => dropOldInvitations(db, at),
        formerUsers: () => dropOldFormerUsers(db, at),
        hours: () => dropOldHours(db, at),
        sessions: () => dropOldSessions(db, at),
        memberInvitations: () => dropOldMemberInvitations(db, at),
        audit: () => dropOldAudit(db, at),
      })
      const dropped = Object.values(counts).reduce((sum, count) => sum + count, 0)
      return dropped === 0 ? undefined : `${dropped} dropped`
    },
  },
} as const satisfies Readonly<Record<string, Job>>

export type JobName = keyof typeof JOBS

export function isJobName(name: string): name is JobName {
  return Object.hasOwn(JOBS, name)
}

/** "12 inactive, 3 expired". */
function wordsOfChecks({ checked, refused, unreachable }: CheckCounts): string {
  return `${checked} checked, ${refused} refused, ${unreachable} could not be asked about`
}

function reportOfAging({ removed, forgotten }: Aged): Omit<AppPart, 'appId'> {
  return { summary: [...totalsOf(removed), `${forgotten} forgotten`].join(', '), removed }
}

function totalsOf(removed: readonly RemovedCount[]): string[] {
  const totals = new Map<string, number>()
  for (const { reason, count } of removed) totals.set(reason, (totals.get(reason) ?? 0) + count)
  return [...totals].map(([reason, count]) => `${count} ${reason}`)
}

function daily(spread: number): string {
  return `${spread % 60} ${Math.floor(spread / 60)} * * *`
}
