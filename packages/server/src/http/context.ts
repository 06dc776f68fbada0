/** What the HTTP layer works with; made in `main.ts`, handed to every route. */
import type { Logger } from 'pino'
import type { AppDirectory } from '../access/apps.ts'
import type { Passwords } from '../access/passwords.ts'
import type { ServerTokens } from '../access/tokens.ts'
import type { Calls } from '../calls/calls.ts'
import type { CredentialChecks } from '../credentials/checks.ts'
import type { Seal } from '../credentials/seal.ts'
import type { Accepted, ToldFault } from '../dispatch/accept.ts'
import type { Receipts } from '../insight/receipts.ts'
import type { ReceiptSigner } from '../insight/receipts-signature.ts'
import type { Openings } from '../insight/statistics/opens.ts'
import type { JobName } from '../jobs/jobs.ts'
import type { LiveChannels } from '../live/channels.ts'
import type { Created, Creation } from '../messages/create.ts'
import type { ImageProber } from '../messages/images.ts'
import type { RenderCounts } from '../messages/render.ts'
import type { PushTester } from '../push-test/tester.ts'
import type { Events } from '../registry/events.ts'
import type { Registrations } from '../registry/register/register.ts'
import type { Database } from '../store/database.ts'
import type { NatsNotices } from '../store/notices-nats.ts'
import type { Clock } from '../time.ts'
import type { CallLimits } from './limits.ts'
import type { SessionCookie } from './session-cookie.ts'
import type { SignInLimits } from './sign-in-limits.ts'

export interface HttpContext {
  readonly db: Database
  readonly clock: Clock
  readonly logger: Logger
  readonly seal: Seal
  /** Over which notices go, when not by PostgreSQL. */
  readonly nats: Pick<NatsNotices, 'isConnected'> | undefined
  readonly checks: CredentialChecks
  readonly tester: PushTester
  readonly apps: AppDirectory
  readonly serverTokens: ServerTokens
  readonly passwords: Passwords
  readonly signIns: SignInLimits
  readonly sessionCookie: SessionCookie
  readonly limits: CallLimits
  readonly registrations: Registrations
  readonly receipts: Receipts
  readonly signer: ReceiptSigner
  readonly openings: Openings
  readonly events: Events
  readonly channels: LiveChannels
  readonly calls: Calls
  readonly allowPrivateEndpoints: boolean
  readonly images: ImageProber
  /** Addresses and ranges whose X-Forwarded-For is believed; empty = nobody's. */
  readonly trustedProxies: readonly string[]
  /** 0 = no limit. */
  readonly connectionsPerClient: number
  /** How much content was rendered, by this process. */
  readonly renders: RenderCounts
  /** Takes a message in and has it sent. Throws as `acceptMessages` does. */
  readonly accept: (message: Creation) => Promise<Created>
  /** Several, all or none. */
  readonly acceptAll: (messages: readonly Creation[], told?: ToldFault) => Promise<Created[]>
  /** Tells the dispatcher that something became due; `message`: that one was made, and nothing else has changed. */
  readonly poke: (what?: Accepted['due']) => void
  /** Runs a background job now instead of at its next time; one of apps for one of them alone, if that is named. */
  readonly runSoon: (name: JobName, appId?: number) => void
}
