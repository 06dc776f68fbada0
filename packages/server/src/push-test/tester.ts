/**
 * The push tester behind REST: with a stored credential, also one that is paused, or with one that is given and never
 * stored. It writes nothing: no outcome of a test says anything of an address, and none pauses a credential.
 */
import { createProviderTokens, type ProviderTokens } from '@roost/gateways'
import { type NewPushTest, type Provider, PushError, type PushTestResult } from '@roost/protocol'
import { PAUSES_OF_CREDENTIAL, type Pause } from '../credentials/pauses.ts'
import type { Seal } from '../credentials/seal.ts'
import type { Database } from '../store/database.ts'
import { findAddress, readGivenAddress, type TestedAddress } from './address.ts'
import type { Tested, WireOptions } from './clients.ts'
import { readGivenCredential } from './credential.ts'
import { runPushTest } from './run.ts'

export interface PushTesterOptions extends WireOptions {
  readonly db: Database
  readonly seal: Seal
}

interface Stored {
  readonly gateway: Provider
  readonly kind: string
  readonly settings: Record<string, unknown>
  readonly sealed: Buffer
  readonly pauses: readonly Pick<Pause, 'part' | 'reason'>[]
}

interface Source {
  readonly tested: Tested
  readonly pauses: Stored['pauses']
  readonly tokens?: ProviderTokens
}

const STORED = `
  select gateway, kind, settings, sealed, ${PAUSES_OF_CREDENTIAL} as pauses
    from credential where id = $1 and app_id = $2`

/** Where the gateway checks without delivering. */
const DRY_RUNS: readonly Provider[] = ['fcm', 'hms']

export class PushTester {
  readonly #options: PushTesterOptions
  readonly #tokens: ProviderTokens

  constructor(options: PushTesterOptions) {
    this.#options = options
    this.#tokens = createProviderTokens({ clock: options.clock })
  }

  /**
   * `deliveryId`: for who has to know it before the push leaves. Throws `credential_unknown`, `credential_invalid`, `device_unknown`, `address_malformed`,
   * `input_invalid`.
   */
  async run(appId: number, input: NewPushTest, deliveryId?: string): Promise<PushTestResult> {
    const { tested, pauses, tokens } = await this.#readCredential(appId, input.credential)
    if (input.validateOnly && !DRY_RUNS.includes(tested.gateway))
      throw new PushError('input_invalid', `validateOnly: ${tested.gateway} can't check without delivering`)
    const address = await this.#readAddress(appId, input.address, tested.gateway)
    const { notification, validateOnly } = input
    const test = { tested, address, notification, validateOnly, tokens, deliveryId }
    const result = await runPushTest(test, this.#options)
    return { ...result, hint: hintOf(result, pauses) }
  }

  async #readCredential(appId: number, credential: NewPushTest['credential']): Promise<Source> {
    const { db, seal, clock } = this.#options
    if ('inline' in credential) {
      return { tested: readGivenCredential(credential.inline, clock.now()), pauses: [] }
    }
    const { rows } = await db.query<Stored>(STORED, [credential.id, appId])
    const row = rows[0]
    if (row === undefined)
      throw new PushError('credential_unknown', `this app has no credential ${credential.id}`)
    const { gateway, kind, settings, sealed, pauses } = row
    const secret = seal.open(credential.id, sealed)
    return { tested: { gateway, kind, settings, secret }, pauses, tokens: this.#tokens }
  }

  async #readAddress(
    appId: number,
    address: NewPushTest['address'],
    gateway: Provider,
  ): Promise<TestedAddress> {
    if (!('hwid' in address)) return readGivenAddress(address, gateway)
    return findAddress(this.#options.db, { appId, hwid: address.hwid, gateway })
  }
}

const CHECK_IT =
  'Check it (POST …/credentials/{id}/check, or "Check now" in the console): that ends the pause, and messages that wait go on.'
/** A push service can't be asked without a subscription. */
const RESUME: Partial<Readonly<Record<Provider, string>>> = {
  webpush:
    'Replace the credential with what it holds (PUT …/credentials/{id} without keys): that ends the pause, and messages that wait go on.',
}

function hintOf(
  { gateway, outcome, exchanges, environment }: PushTestResult,
  pauses: Stored['pauses'],
): string | null {
  // The gateway looked at the address, so it took the credential.
  const isTaken = exchanges.length > 0 && ['accepted', 'address_dead'].includes(outcome.kind)
  const isOfPart = (part: string) =>
    part === '' || part === environment || exchanges.some(it => it.request.url.startsWith(`${part}/`))
  const pause = pauses.find(({ part }) => isOfPart(part))
  if (pause === undefined || !isTaken) return null
  const what = pause.part === '' ? 'This credential is' : `${pause.part} of this credential is`
  return `${what} paused (${pause.reason}), and the gateway has just taken it. ${RESUME[gateway] ?? CHECK_IT}`
}
