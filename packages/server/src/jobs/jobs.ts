/** The background jobs: their names, their times (UTC), and what each does. `roost jobs` lists and runs them. */

import { dropExpiredExports, runExports } from '../audience/export.ts'
import { dropAbandonedLists } from '../audience/lists.ts'
import { cleanSnapshots, computeSegments } from '../audience/nightly.ts'
import type { CredentialChecks } from '../credentials/checks.ts'
import { watchCredentials } from '../credentials/watch.ts'
import { dropOldAcceptances } from '../dispatch/acceptances.ts'
import { ageAddresses, endExpired } from '../hygiene/aging.ts'
import { rollTally, settleDecisions } from '../hygiene/guard.ts'
import { deliverWithRemovals } from '../hygiene/removal-webhooks.ts'
import { finishUndos } from '../hygiene/undo.ts'
import { cleanInboxes } from '../inbox/clean.ts'
import { fillMembers } from '../inbox/members.ts'
import { dropOldBulkRequests, runBulkRequests } from '../registry/bulk/requests.ts'
import { sweepErasures } from '../registry/erase.ts'
import type { Database } from '../store/database.ts'
import { type DeliverOptions, dropOldEvents } from '../webhooks/deliver.ts'
import { dropOldRuns } from './runs.ts'

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
   * run twice, and in several processes at once.
   */
  run(context: JobContext, at: number): Promise<string | undefined>
}

const EVERY_MINUTE = '* * * * *'

export const JOBS = {
  'credential-check': {
    does: 'asks the gateways whether they still take each credential',
    cron: daily,
    run: async ({ checks }, at) => {
      const { checked, refused, unreachable } = await checks.checkAll(at)
      return `${checked} checked, ${refused} refused, ${unreachable} could not be asked about`
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
    does: 'ends addresses that were not heard of for long, and forgets those that ended long ago',
    cron: daily,
    run: async ({ db }, at) => {
      const { inactive, expired, forgotten } = await ageAddresses(db, at)
      return `${inactive} inactive, ${expired} expired, ${forgotten} forgotten`
    },
  },
  'address-watch': {
    does: 'ends web subscriptions whose time is over, goes on with decided alerts, sums up what gateways said',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const expired = await endExpired(db, at)
      const decided = await settleDecisions(db, at)
      await rollTally(db, at)
      return expired + decided === 0 ? undefined : `${expired} expired, ${decided} decided`
    },
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
      const { computed, failed } = await computeSegments(db, at, () => webhooks.signal?.aborted ?? false)
      const cleaned = await cleanSnapshots(db, at)
      return computed + failed + cleaned === 0
        ? undefined
        : `${computed} computed, ${failed} failed, ${cleaned} dropped`
    },
  },
  'segment-exports': {
    does: 'writes the files of exports that were asked for, and drops those whose link has expired',
    cron: () => EVERY_MINUTE,
    run: async ({ db, webhooks }, at) => {
      const done = await runExports(db, at, () => webhooks.signal?.aborted ?? false)
      const dropped = await dropExpiredExports(db, at)
      return done + dropped === 0 ? undefined : `${done} done, ${dropped} dropped`
    },
  },
  'inbox-members': {
    does: 'writes down whom messages to a condition met, for their inboxes',
    cron: () => EVERY_MINUTE,
    run: async ({ db }, at) => {
      const filled = await fillMembers(db, at)
      return filled === 0 ? undefined : `${filled} messages`
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
    does: 'drops runs of jobs, events of webhooks and acceptances that are older than 30 days, and lists whose upload broke off',
    cron: daily,
    run: async ({ db }, at) => {
      const dropped =
        (await dropOldRuns(db, at)) +
        (await dropOldAcceptances(db, at)) +
        (await dropOldEvents(db, at)) +
        (await dropOldBulkRequests(db, at)) +
        (await dropAbandonedLists(db, at))
      return dropped === 0 ? undefined : `${dropped} dropped`
    },
  },
} as const satisfies Readonly<Record<string, Job>>

export type JobName = keyof typeof JOBS

export function isJobName(name: string): name is JobName {
  return Object.hasOwn(JOBS, name)
}

function daily(spread: number): string {
  return `${spread % 60} ${Math.floor(spread / 60)} * * *`
}
