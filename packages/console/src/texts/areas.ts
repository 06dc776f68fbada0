/**
 * The areas of texts. English is the type: the other five languages have the same keys, or do not compile.
 *
 * A new area is one line here and a file of its name in each of the six folders.
 */
import type { texts as access } from './en/access.ts'
import type { texts as alerts } from './en/alerts.ts'
import type { texts as apps } from './en/apps.ts'
import type { texts as calls } from './en/calls.ts'
import type { texts as common } from './en/common.ts'
import type { texts as compose } from './en/compose.ts'
import type { texts as credentialHealth } from './en/credentialHealth.ts'
import type { texts as credentials } from './en/credentials.ts'
import type { texts as dashboard } from './en/dashboard.ts'
import type { texts as device } from './en/device.ts'
import type { texts as devices } from './en/devices.ts'
import type { texts as diagnosis } from './en/diagnosis.ts'
import type { texts as guide } from './en/guide.ts'
import type { texts as hygiene } from './en/hygiene.ts'
import type { texts as imports } from './en/imports.ts'
import type { texts as ledger } from './en/ledger.ts'
import type { texts as lists } from './en/lists.ts'
import type { texts as messages } from './en/messages.ts'
import type { texts as people } from './en/people.ts'
import type { texts as problems } from './en/problems.ts'
import type { texts as pushTest } from './en/pushTest.ts'
import type { texts as report } from './en/report.ts'
import type { texts as schedules } from './en/schedules.ts'
import type { texts as segments } from './en/segments.ts'
import type { texts as selfCheck } from './en/selfCheck.ts'
import type { texts as settings } from './en/settings.ts'
import type { texts as testDevices } from './en/testDevices.ts'
import type { texts as webhooks } from './en/webhooks.ts'

interface Areas {
  /** Signing in, the first visit, one's own account. */
  readonly access: typeof access
  readonly alerts: typeof alerts
  readonly apps: typeof apps
  readonly calls: typeof calls
  /** The frame, the parts and the problems: loaded before anything is drawn. */
  readonly common: typeof common
  /** Writing a message. */
  readonly compose: typeof compose
  /** What is wrong with a credential; loaded with the first trouble. */
  readonly credentialHealth: typeof credentialHealth
  readonly credentials: typeof credentials
  /** And the page of a day. */
  readonly dashboard: typeof dashboard
  /** Finding devices, one device, users. */
  readonly device: typeof device
  /** Also how platforms, gateways and states of addresses are named. */
  readonly devices: typeof devices
  /** Why something did not arrive; who mends what. */
  readonly diagnosis: typeof diagnosis
  /** Setting an app up. */
  readonly guide: typeof guide
  /** Alerts, ages, uninstallations, removals, background jobs. */
  readonly hygiene: typeof hygiene
  readonly imports: typeof imports
  /** The life of an address in plain words. */
  readonly ledger: typeof ledger
  readonly lists: typeof lists
  readonly messages: typeof messages
  /** Members, tokens, the audit log. */
  readonly people: typeof people
  /** What the server refuses; loaded with the first refusal. */
  readonly problems: typeof problems
  readonly pushTest: typeof pushTest
  /** The report of one message. */
  readonly report: typeof report
  /** Schedules and triggers. */
  readonly schedules: typeof schedules
  readonly segments: typeof segments
  /** What an app finds when it looks at itself. */
  readonly selfCheck: typeof selfCheck
  /** Of one app. */
  readonly settings: typeof settings
  readonly webhooks: typeof webhooks
  readonly testDevices: typeof testDevices
}

export type Area = keyof Areas
export type TextKey<A extends Area> = keyof Areas[A] & string
/** What a file of another language than English is. */
export type TextsOf<A extends Area> = { readonly [Key in TextKey<A>]: string }
