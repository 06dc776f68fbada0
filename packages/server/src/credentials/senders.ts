/**
 * Gateway clients by credential: opened at first need, kept while the credential's content stays the same.
 */
import {
  type Attempt,
  type AttemptOutcome,
  createEncryptors,
  createGuardedLookup,
  createHttp2Transport,
  createProviderTokens,
  createWebTransport,
  type Encryptors,
  type GatewayClient,
  type Notification,
  type ProviderTokens,
  type Transport,
  type Wish,
} from '@roost/gateways'
import type { Provider } from '@roost/protocol'
import type { MessageAddressKind } from '../dispatch/chunk.ts'
import { partsOf } from '../dispatch/scope.ts'
import { ReceiptSigner } from '../insight/receipts-signature.ts'
import type { AddressKeys } from '../registry/address.ts'
import type { Database } from '../store/database.ts'
import type { Clock } from '../time.ts'
import { type GatewayUrls, openClient } from './clients.ts'
import { PAUSES_OF_CREDENTIAL, type Pause, PROOFS_OF_CREDENTIAL } from './pauses.ts'
import type { Seal } from './seal.ts'

export interface SendersOptions {
  readonly seal: Seal
  readonly clock: Clock
  readonly urls: GatewayUrls
  /** Quota of each Firebase project, over all servers; a credential may have its own. Default: Google's own, 600 000. */
  readonly fcmMessagesPerMinute?: number | undefined
  /** PEM, added to the trusted roots. */
  readonly extraCa?: string | undefined
  readonly allowPrivateEndpoints: boolean
}

/** What an address needs to be sent to. */
export interface SendTarget {
  readonly provider: Provider
  readonly environment: string
  readonly address: string
  readonly keys: AddressKeys | null
  readonly credentialId: string | null
}

export interface Delivery {
  readonly deliveryId: string
  /** Whose receipts of it are signed; absent: nobody's. */
  readonly hwid?: string
  readonly target: SendTarget
  readonly notification: Notification
  /** Whom it is for; absent: whoever uses the device. */
  readonly userId?: string | undefined
  readonly wish?: Wish
}

export type Sender =
  | {
      readonly kind: 'ready'
      readonly credentialId: string
      readonly version: number
      send(delivery: Delivery): Promise<AttemptOutcome>
    }
  | { readonly kind: 'paused'; readonly pause: Pause }
  | { readonly kind: 'missing'; readonly reason: string }

/** What is in a credential's slot, until it is replaced. */
export interface Content {
  readonly credentialId: string
  readonly version: number
}

/** One name for each content. */
export function contentKey({ credentialId, version }: Content): string {
  return `${credentialId} ${version}`
}

interface CredentialRow {
  readonly id: string
  readonly gateway: Provider
  readonly kind: string
  readonly environments: string[]
  readonly settings: Record<string, string>
  readonly sealed: Buffer
  readonly version: number
  readonly pauses: readonly Pick<Pause, 'part' | 'reason'>[]
  /** Parts that have accepted something. */
  readonly proven: readonly string[]
}

const CREDENTIALS = `
  select id, gateway, kind, environments, settings, sealed, version, ${PAUSES_OF_CREDENTIAL} as pauses,
         ${PROOFS_OF_CREDENTIAL} as proven
    from credential where app_id = $1 and gateway = $2 order by created_at desc, id desc`

/**
 * Gateways whose pushes carry a key for receipts. Its HMAC takes 2 µs, which is a tenth of what the others' take in all, and their
 * clients send none back; Huawei takes one payload for many devices.
 */
const SIGNED: ReadonlySet<Provider> = new Set(['webpush'])

/** Source: Firebase, "FCM throttling and quotas". */
const FCM_MESSAGES_PER_MINUTE = 600_000
const WEB_PUSH_DEADLINE_MS = 10_000

type AnyClient = GatewayClient<{ token: string }> | GatewayClient<AddressKeys & { endpoint: string }>

export class Senders {
  readonly #options: SendersOptions
  /** By app and gateway, then by content and environment. */
  readonly #clients = new Map<string, Map<string, AnyClient>>()
  readonly #apns: Transport
  readonly #fcm: Transport
  readonly #hms: Transport
  readonly #webPush: Transport
  readonly #tokens: ProviderTokens
  readonly #encryptors: Encryptors = createEncryptors()
  readonly #signer: ReceiptSigner

  constructor(options: SendersOptions) {
    this.#options = options
    this.#signer = new ReceiptSigner(options.seal)
    const ca = options.extraCa === undefined ? {} : { extraCa: options.extraCa }
    this.#apns = createHttp2Transport({ ...ca, assumedStreams: 1 })
    this.#fcm = createHttp2Transport({
      ...ca,
      assumedStreams: 100,
      maxStreams: 100,
      maxConnectionsPerOrigin: 10,
    })
    this.#hms = createHttp2Transport({ ...ca, assumedStreams: 100 })
    const lookup = options.allowPrivateEndpoints ? {} : { lookup: createGuardedLookup() }
    this.#webPush = createWebTransport({ ...ca, ...lookup, failsWhileBackingOff: true, clock: options.clock })
    this.#tokens = createProviderTokens({ clock: options.clock })
  }

  /**
   * The senders of one app at one gateway, as its credentials stand now. Clients of contents that were deleted or replaced are let go:
   * who still waits for a quota there is told to come again, what is on its way is answered.
   */
  async open(
    db: Database,
    key: {
      readonly appId: number
      readonly provider: Provider
      /** Default: that of notifications. */
      readonly addressKind?: MessageAddressKind
    },
  ): Promise<AppSenders> {
    const rows = await db.queryPlanned<CredentialRow>(CREDENTIALS, [key.appId, key.provider])
    const kept = this.#clientsOf(`${key.appId} ${key.provider}`, rows)
    const clientFor = (row: CredentialRow, environment: string) => this.#clientFor(kept, row, environment)
    const keyFor = (delivery: Delivery) => this.#receiptKeyFor(delivery)
    const { addressKind } = key
    return new AppSenders(rows, { clientFor, keyFor, perMinute: row => this.#perMinute(row), addressKind })
  }

  async close(): Promise<void> {
    const clients = [...this.#clients.values()].flatMap(it => [...it.values()])
    await Promise.all(clients.map(client => client.close()))
    const ours = [this.#apns, this.#fcm, this.#hms, this.#webPush, this.#encryptors]
    await Promise.all(ours.map(it => it.close()))
  }

  #receiptKeyFor({ hwid, target, notification: { hash } }: Delivery): string | undefined {
    if (hwid === undefined || !SIGNED.has(target.provider)) return undefined
    return this.#signer.sign({ hash, hwid }, this.#options.clock.now())
  }

  #clientsOf(app: string, rows: readonly CredentialRow[]): Map<string, AnyClient> {
    const clients = this.#clients.get(app) ?? new Map<string, AnyClient>()
    this.#clients.set(app, clients)
    for (const [key, client] of clients) {
      if (rows.some(row => key.startsWith(`${row.id} ${row.version} `))) continue
      clients.delete(key)
      void client.close()
    }
    if (rows.length === 0) this.#clients.delete(app)
    return clients
  }

  #clientFor(clients: Map<string, AnyClient>, row: CredentialRow, environment: string): AnyClient {
    const key = `${row.id} ${row.version} ${environment}`
    const known = clients.get(key)
    if (known !== undefined) return known
    const client = this.#openClient(row, environment)
    clients.set(key, client)
    return client
  }

  /** Of a Firebase project. */
  #perMinute({ settings }: CredentialRow): number {
    return Number(settings.messagesPerMinute ?? this.#options.fcmMessagesPerMinute ?? FCM_MESSAGES_PER_MINUTE)
  }

  #openClient(row: CredentialRow, environment: string): AnyClient {
    const { seal, clock, urls, allowPrivateEndpoints } = this.#options
    const { gateway, settings } = row
    const secret = seal.open(row.id, row.sealed)
    return openClient(
      { gateway, settings, secret },
      {
        clock,
        urls,
        fcmMessagesPerMinute: this.#perMinute(row),
        environment,
        allowPrivateEndpoints,
        transport: this.#transportTo(gateway),
        tokens: this.#tokens,
        encryptors: this.#encryptors,
        // Endpoints come from clients: a slow one must not hold its chunk up for long.
        ...(gateway === 'webpush' ? { deadlineMs: WEB_PUSH_DEADLINE_MS } : {}),
      },
    )
  }

  #transportTo(gateway: Provider): Transport {
    return { apns: this.#apns, fcm: this.#fcm, hms: this.#hms, webpush: this.#webPush }[gateway]
  }
}

interface SendersOfApp {
  clientFor(row: CredentialRow, environment: string): AnyClient
  keyFor(delivery: Delivery): string | undefined
  perMinute(row: CredentialRow): number
  readonly addressKind: MessageAddressKind | undefined
}

/** Chooses the credential for an address, and says plainly when there is none to use. */
export class AppSenders {
  readonly #rows: readonly CredentialRow[]
  readonly #by: SendersOfApp
  /** One for all of a provider's addresses; those of browsers are each of their own. */
  readonly #byEnvironment = new Map<string, Sender>()

  constructor(rows: readonly CredentialRow[], by: SendersOfApp) {
    this.#rows = rows
    this.#by = by
  }

  /** Of the newest credential, when credentials exist and every one of them is paused as a whole: nothing can leave. */
  get pauseOfAll(): Pause | undefined {
    const pauses = this.#rows.map(row => pauseOf(row, ['']))
    return pauses.every(it => it !== undefined) ? pauses[0] : undefined
  }

  /** Of the project that sends; all apps and servers share it. Undefined where a gateway publishes none. */
  get quota(): { readonly name: string; readonly perMinute: number } | undefined {
    const row = this.#rows.find(it => it.gateway === 'fcm' && pauseOf(it, ['']) === undefined)
    return row && { name: `fcm:${row.settings.projectId}`, perMinute: this.#by.perMinute(row) }
  }

  /** Contents that no pause of this part keeps from sending, and that serve no such address. */
  unfitFor(part: string, targets: readonly SendTarget[]): Content[] {
    return this.#rows
      .filter(row => pauseOf(row, ['', part]) === undefined && !targets.some(it => serves(row, it)))
      .map(({ id, version }) => ({ credentialId: id, version }))
  }

  /** Whether the gateway has ever accepted something by this part of this content. */
  isProven({ credentialId, version, part }: Content & { readonly part: string }): boolean {
    const row = this.#rows.find(it => it.id === credentialId && it.version === version)
    return row?.proven.includes(part) ?? false
  }

  /** `probePart`: go in spite of the pause of this part. */
  for(target: SendTarget, probePart: string | null = null): Sender {
    const isAlike = probePart === null && target.provider !== 'webpush'
    const known = isAlike ? this.#byEnvironment.get(target.environment) : undefined
    if (known !== undefined) return known
    const sender = this.#choose(target, probePart)
    if (isAlike) this.#byEnvironment.set(target.environment, sender)
    return sender
  }

  #choose(target: SendTarget, probePart: string | null): Sender {
    const rows = this.#rows.filter(it => serves(it, target))
    const parts = partsOf(target, this.#by.addressKind).filter(part => part !== probePart)
    // The newest that is not refused; one that was replaced by a worse one may still be good.
    const row = rows.find(it => pauseOf(it, parts) === undefined) ?? rows[0]
    if (row === undefined) return { kind: 'missing', reason: missingReason(target) }
    const pause = pauseOf(row, parts)
    if (pause !== undefined) return { kind: 'paused', pause }
    const client = this.#by.clientFor(row, target.environment)
    return {
      kind: 'ready',
      credentialId: row.id,
      version: row.version,
      send: delivery => client.send(attemptOf(delivery, this.#by.keyFor(delivery)) as Attempt<never>),
    }
  }
}

function pauseOf(row: CredentialRow, parts: readonly string[]): Pause | undefined {
  const pause = row.pauses.find(it => parts.includes(it.part))
  return pause && { credentialId: row.id, version: row.version, ...pause }
}

function serves(row: CredentialRow, target: SendTarget): boolean {
  if (row.gateway !== target.provider) return false
  if (target.provider === 'apns') return row.environments.includes(target.environment)
  // R28: a web subscription only works with the key that it was made with.
  if (target.provider === 'webpush') return target.credentialId === null || row.id === target.credentialId
  return true
}

function missingReason(target: SendTarget): string {
  return target.provider === 'apns' ? `no_credential_${target.environment}` : 'no_credential'
}

function attemptOf(
  { deliveryId, target, notification, userId, wish }: Delivery,
  receiptKey: string | undefined,
): Attempt<unknown> {
  const address =
    target.provider === 'webpush'
      ? { endpoint: target.address, p256dh: target.keys?.p256dh ?? '', auth: target.keys?.auth ?? '' }
      : { token: target.address }
  return { deliveryId, address, notification, receiptKey, userId, wish }
}
