/**
 * The bare engine for `roost bench send`: the same requests to the same stand-ins, without a database, outcomes or
 * anything else around them. What this reaches is what the machine gives; the rest is what a platform costs.
 */
import { createSign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { createSecureContext } from 'node:tls'
import { createProviderTokens, parseServiceAccount, systemClock } from '@roost/gateways'
import { ConnectionPool, HeaderTemplate, type RequestObserver, type RequestResult } from '@roost/http2'
import type { StandInSettings } from './send-stand-ins.ts'

export interface BareOrder {
  readonly settings: StandInSettings
  /** Of both gateways in turn; they are sent to over and over. */
  readonly apnsTokens: readonly string[]
  readonly fcmTokens: readonly string[]
  readonly count: number
}

export type BareReport =
  | { readonly accepted: number; readonly seconds: number; readonly cpuSeconds: number }
  | { readonly fault: string }

const DEADLINE_MS = 20_000
/** As the server opens them. */
const APNS_CONNECTIONS = 4
const FCM_CONNECTIONS = 10
const FCM_STREAMS = 100

class BareLoad implements RequestObserver {
  accepted = 0
  done = 0
  readonly #pool: ConnectionPool
  readonly #count: number
  readonly #send: (n: number, observer: RequestObserver) => boolean
  #end: () => void = () => undefined

  constructor(options: {
    readonly pool: ConnectionPool
    readonly count: number
    readonly send: (n: number, observer: RequestObserver) => boolean
  }) {
    this.#pool = options.pool
    this.#count = options.count
    this.#send = options.send
  }

  async run(): Promise<void> {
    const ended = new Promise<void>(resolve => {
      this.#end = resolve
    })
    for (let n = 0; n < this.#count; ) {
      if (this.#send(n, this)) n++
      else await this.#pool.ready()
    }
    await ended
  }

  onResult(_tag: unknown, result: RequestResult): void {
    if (result.kind === 'answered' && result.status === 200) this.accepted++
    if (++this.done === this.#count) this.#end()
  }
}

async function run(order: BareOrder): Promise<BareReport> {
  const secureContext = createSecureContext({ ca: readFileSync(order.settings.caFile) })
  const apns = await openApns(order, secureContext)
  const fcm = await openFcm(order, secureContext)
  try {
    const cpu = process.cpuUsage()
    const at = performance.now()
    await Promise.all([apns.load.run(), fcm.load.run()])
    const { user, system } = process.cpuUsage(cpu)
    return {
      accepted: apns.load.accepted + fcm.load.accepted,
      seconds: (performance.now() - at) / 1000,
      cpuSeconds: (user + system) / 1e6,
    }
  } finally {
    await Promise.all([apns.pool.close(true), fcm.pool.close(true)])
  }
}

type Secure = ReturnType<typeof createSecureContext>

interface Opened {
  readonly pool: ConnectionPool
  readonly load: BareLoad
}

async function openApns({ settings, apnsTokens, count }: BareOrder, secureContext: Secure): Promise<Opened> {
  const origin = settings.environment.ROOST_APNS_PRODUCTION_URL ?? ''
  const pool = new ConnectionPool({
    origin,
    secureContext,
    maxConnections: APNS_CONNECTIONS,
    assumedStreams: 1,
  })
  const jwt = await createProviderTokens({ clock: systemClock }).current(settings.apns)
  const template = new HeaderTemplate({
    constant: [
      ...pseudoHeaders(origin),
      ['apns-push-type', 'alert'],
      ['apns-topic', settings.apns.bundleId],
      ['apns-priority', '10'],
      ['content-type', 'application/json'],
    ],
    secret: [['authorization', `bearer ${jwt}`]],
    variable: ['apns-id', 'apns-expiration', 'apns-collapse-id'],
  })
  const expiration = String(Math.floor(Date.now() / 1000) + 86_400)
  const send = (n: number, observer: RequestObserver) => {
    const path = `/3/device/${apnsTokens[n % apnsTokens.length]}`
    const headers = [apnsIdOf(n), expiration, 'bench']
    return pool.send(template, path, headers, apnsBodyOf(n), DEADLINE_MS, observer, undefined)
  }
  return { pool, load: new BareLoad({ pool, count: Math.ceil(count / 2), send }) }
}

async function openFcm({ settings, fcmTokens, count }: BareOrder, secureContext: Secure): Promise<Opened> {
  const origin = settings.environment.ROOST_FCM_URL ?? ''
  const pool = new ConnectionPool({
    origin,
    secureContext,
    maxConnections: FCM_CONNECTIONS,
    maxStreams: FCM_STREAMS,
  })
  const accessToken = await fetchAccessToken(settings)
  const template = new HeaderTemplate({
    constant: [...pseudoHeaders(origin), ['content-type', 'application/json']],
    secret: [['authorization', `Bearer ${accessToken}`]],
  })
  const path = `/v1/projects/${settings.fcm.projectId}/messages:send`
  const send = (n: number, observer: RequestObserver) => {
    const body = fcmBodyOf(n, fcmTokens[n % fcmTokens.length] ?? '')
    return pool.send(template, path, [], body, DEADLINE_MS, observer, undefined)
  }
  return { pool, load: new BareLoad({ pool, count: Math.floor(count / 2), send }) }
}

function pseudoHeaders(origin: string): [string, string][] {
  return [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', new URL(origin).host],
  ]
}

/** The canonical form of a UUID. */
function apnsIdOf(n: number): string {
  return `00000000-0000-4000-8000-0000${(0x1000_0000 + n).toString(16)}`
}

function apnsBodyOf(n: number): Buffer {
  return Buffer.from(
    `{"aps":{"alert":{"title":"Hello Ada of user-${n}","body":"The quick brown fox jumps over the lazy dog."}},"pw_msg":"1","p":"bare"}`,
  )
}

function fcmBodyOf(n: number, token: string): Buffer {
  return Buffer.from(
    `{"message":{"token":"${token}","data":{"pw_msg":"1","p":"bare","header":"Hello Ada of user-${n}","title":"The quick brown fox jumps over the lazy dog."},"android":{"priority":"HIGH","ttl":"259200s"}}}`,
  )
}

/** RFC 7523 §2.1: a signed assertion for an access token. */
async function fetchAccessToken({ environment, caFile, fcm }: StandInSettings): Promise<string> {
  const parsed = parseServiceAccount(fcm.serviceAccount)
  if (!parsed.ok) throw new Error('the stand-in made a service account that can not be read')
  const account = parsed.value
  const now = Math.floor(Date.now() / 1000)
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  const head = encode({ alg: 'RS256', typ: 'JWT', kid: account.privateKeyId })
  const scope = 'https://www.googleapis.com/auth/firebase.messaging'
  const claims = encode({ iss: account.clientEmail, aud: account.tokenUri, scope, iat: now, exp: now + 3600 })
  const signature = createSign('RSA-SHA256').update(`${head}.${claims}`).sign(account.privateKey, 'base64url')
  const form = new URLSearchParams({
    grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    assertion: `${head}.${claims}.${signature}`,
  })
  const answer = await post(environment.ROOST_GOOGLE_TOKEN_URL ?? '', form.toString(), readFileSync(caFile))
  return (JSON.parse(answer) as { access_token: string }).access_token
}

function post(url: string, body: string, ca: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const call = request(url, { method: 'POST', ca, headers }, answer => {
      let text = ''
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part
      })
      answer.on('end', () => resolve(text))
      answer.on('error', reject)
    })
    call.on('error', reject)
    call.end(body)
  })
}

process.on('message', (order: BareOrder) => {
  void run(order)
    .catch((error: Error): BareReport => ({ fault: error.message }))
    .then(report => process.send?.(report))
})
process.on('disconnect', () => process.exit())
