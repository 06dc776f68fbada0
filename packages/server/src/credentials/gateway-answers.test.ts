/**
 * Tables ↔ clients ↔ stand-ins: each row of docs/gateway-answers/ is ordered from the stand-in, which was written apart
 * from the clients, goes over real TLS and HTTP/2, and must be on the wire and in the client's outcome as the row says.
 */
import { readFileSync } from 'node:fs'
import {
  type Attempt,
  type AttemptOutcome,
  BLANK,
  createApnsClient,
  createFcmClient,
  createHmsClient,
  createHttp2Transport,
  createProviderTokens,
  createWebPushClient,
  createWebTransport,
  type GatewayClient,
  generateVapidKeys,
  type Notification,
  type Transport,
  type TransportResult,
} from '@roost/gateways'
import { type ServiceAccount, type Simulator, startSimulator } from '@roost/simulator'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

interface Row {
  readonly status: number | null
  readonly means: string
  readonly outcome: string
  readonly part?: string
  readonly clients?: string
}
type ApnsRow = Row & { readonly status: number; readonly reason: string }
type FcmRow = Row & {
  readonly status: number
  readonly form: never
  readonly code: string | null
  readonly field?: string
  readonly apnsReason?: string
}
type WebPushRow = Row & {
  readonly service: 'google' | 'autopush' | 'windows' | 'apple' | 'any'
  readonly case: never
  readonly status: number
  readonly says: string
  readonly errno?: number | null
}
type HmsRow = Row & { readonly code: string | null; readonly case?: string }

function readRows<R extends Row>(name: string): R[] {
  const file = new URL(`../../../../docs/gateway-answers/${name}.json`, import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { rows: R[] }).rows
}

const clock = { now: () => Date.now() }
const BUNDLE_ID = 'com.example.app'
const notification: Notification = {
  ...BLANK,
  hash: 'h4sh',
  title: 'Hello',
  body: 'There you are',
  ttlSeconds: 60,
  priority: 'high',
}

let simulator: Simulator
let http2: Transport
let web: Transport
/** What the last requests were answered, as the wire brought it. */
let answers: TransportResult[] = []
beforeAll(async () => {
  simulator = await startSimulator()
  http2 = listening(createHttp2Transport({ extraCa: simulator.caPem, assumedStreams: 1 }))
  web = listening(createWebTransport({ extraCa: simulator.caPem }))
})
afterAll(async () => {
  await Promise.all([http2.close(), web.close()])
  await simulator.close()
})
beforeEach(() => {
  answers = []
})

function listening(transport: Transport): Transport {
  return {
    request: async request => {
      const result = await transport.request(request)
      answers.push(result)
      return result
    },
    close: () => transport.close(),
  }
}

/** The last answer of that status to a push; access tokens are asked for before and between. */
function onTheWire(status: number | null): {
  readonly headers: Record<string, string>
  readonly text: string
} {
  const found = answers
    .flatMap(it => (it.kind === 'response' ? [{ ...it, text: Buffer.from(it.body).toString() }] : []))
    .findLast(it => !it.text.includes('"access_token"') && (status === null || it.status === status))
  if (found === undefined) throw new Error(`no answer ${status}: ${JSON.stringify(answers)}`)
  return { headers: { ...found.headers }, text: found.text }
}

let serial = 0
function send<A>(client: GatewayClient<A>, address: A): Promise<AttemptOutcome> {
  const deliveryId = `00000000-0000-4000-8000-${String(++serial).padStart(12, '0')}`
  return client.send({ deliveryId, address, notification } satisfies Attempt<A>)
}

/** `retry` comes with its scope; which part of a credential is refused is asked for apart. */
function nameOf(outcome: AttemptOutcome): string {
  return outcome.kind === 'retry' ? `retry ${outcome.scope}` : outcome.kind
}

function partOf(outcome: AttemptOutcome): string | undefined {
  return outcome.kind === 'credential_fault' ? outcome.part : undefined
}

const label = (
  row: Row & { readonly reason?: string; readonly code?: string | null; readonly says?: string },
) => [row.status, row.reason ?? row.code ?? row.says ?? '', row.means] as const

describe('APNs', () => {
  const rows = readRows<ApnsRow>('apns')

  function client() {
    return createApnsClient({
      credential: simulator.apns.createTeamKey({ bundleId: BUNDLE_ID }),
      environment: 'production',
      baseUrl: simulator.urls.apnsProduction,
      transport: http2,
      clock,
      tokens: createProviderTokens({ clock }),
    })
  }

  test.each(rows.map(row => [...label(row), row] as const))(
    '%s %s: %s',
    async (status, reason, _means, row) => {
      const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
      const timestamp = status === 410 ? { timestamp: Date.now() } : {}
      simulator.apns.faults.answerFor(token, { reason, status: row.status, ...timestamp })
      const outcome = await send(client(), { token })
      expect(JSON.parse(onTheWire(status).text)).toMatchObject({ reason })
      expect(nameOf(outcome)).toBe(row.outcome)
      expect(partOf(outcome)).toBe(row.part === 'environment' ? 'production' : undefined)
    },
  )

  test('200 is accepted', async () => {
    const token = simulator.apns.issueToken({ bundleId: BUNDLE_ID })
    expect(nameOf(await send(client(), { token }))).toBe('accepted')
  })
})

describe('FCM', () => {
  const rows = readRows<FcmRow>('fcm')
  let project: { readonly projectId: string; readonly serviceAccount: ServiceAccount }
  beforeAll(async () => {
    project = await simulator.fcm.createProject()
  })

  function client() {
    return createFcmClient({
      credential: project.serviceAccount,
      baseUrl: simulator.urls.fcm,
      tokenUrl: simulator.urls.googleToken,
      transport: http2,
      clock,
    })
  }

  /** Ordered for one token, for ever or so many times. */
  function order(row: FcmRow, times?: number): string {
    const token = simulator.fcm.issueToken({ projectId: project.projectId })
    const { form, field, apnsReason } = row
    const fault = { form, ...(field && { field }), ...(apnsReason && { apnsReason }) }
    simulator.fcm.faults.answerFor(token, fault, times)
    return token
  }

  test.each(rows.filter(it => it.outcome !== 'decided').map(row => [...label(row), row] as const))(
    '%s %s: %s',
    async (status, code, _means, row) => {
      const outcome = await send(client(), { token: order(row) })
      const { text } = onTheWire(status)
      if (row.code !== null) expect(text).toContain(`"${code}"`)
      else expect(text).toMatch(/^<!DOCTYPE html>/)
      expect(nameOf(outcome)).toBe(row.outcome)
      expect(partOf(outcome)).toBe(row.part)
    },
  )

  const undecided = rows.filter(it => it.outcome === 'decided')

  test.each(undecided.map(row => [row.code, row] as const))(
    '%s that tells nothing is about the token when a trial with a good payload is refused as well',
    async (_code, row) => {
      const sender = client()
      // Only beside a message that was taken is a refused trial about the token.
      await send(sender, { token: simulator.fcm.issueToken({ projectId: project.projectId }) })
      expect(nameOf(await send(sender, { token: order(row) }))).toBe('address_dead')
    },
  )

  test.each(undecided.map(row => [row.code, row] as const))(
    '%s that tells nothing is about the payload when a trial with a good one is taken',
    async (_code, row) => {
      expect(nameOf(await send(client(), { token: order(row, 1) }))).toBe('message_fault')
    },
  )
})

describe('Web Push', () => {
  const rows = readRows<WebPushRow>('web-push')
  const keys = generateVapidKeys()

  const client = () =>
    createWebPushClient({
      credential: { ...keys, subject: 'mailto:push@example.com' },
      transport: web,
      clock,
      allowPrivate: true,
    })

  test.each(rows.map(row => [row.service, ...label(row), row] as const))(
    '%s %s %s: %s',
    async (service, status, _says, _means, row) => {
      const subscription = simulator.webPush.createSubscription({
        applicationServerKey: keys.publicKey,
        service: service === 'any' ? 'unifiedpush' : service,
      })
      const answer = service === 'any' ? { status: row.status } : { fault: row.case }
      simulator.webPush.faults.answerFor(subscription.endpoint, answer)
      const outcome = await send(client(), subscription)
      const { text, headers } = onTheWire(status)
      expect(`${text} ${headers['x-wns-error-description'] ?? ''}`).toContain(row.says)
      if (row.errno !== undefined) expect(JSON.parse(text)).toMatchObject({ errno: row.errno })
      expect(nameOf(outcome)).toBe(row.outcome)
      expect(partOf(outcome)).toBe(row.part === 'origin' ? new URL(subscription.endpoint).origin : undefined)
    },
  )
})

describe('HMS', () => {
  const rows = readRows<HmsRow>('hms')

  test.each(rows.map(row => [...label(row), row] as const))(
    '%s %s: %s',
    async (status, code, _means, row) => {
      const app = simulator.hms.createApp()
      const issue = () => simulator.hms.issueToken({ appId: app.appId })
      const client = createHmsClient({
        credential: { appId: app.appId, clientId: app.clientId, clientSecret: app.clientSecret },
        baseUrl: simulator.urls.hms,
        tokenUrl: simulator.urls.hmsToken,
        transport: http2,
        clock,
      })
      const token = issue()
      const outcome = await orderFrom(row, { client, token, other: issue() })
      if (row.code !== null) expect(onTheWire(status).text).toContain(`"${code}"`)
      else onTheWire(status)
      expect(nameOf(outcome)).toBe(row.outcome)
    },
  )

  /** One push, to `token`; the cases that need another one beside it or before it have it. */
  async function orderFrom(
    row: HmsRow,
    { client, token, other }: { client: GatewayClient<{ token: string }>; token: string; other: string },
  ): Promise<AttemptOutcome> {
    switch (row.case) {
      case 'listed':
      case 'not listed': {
        simulator.hms.killToken(other)
        const [mine, its] = await Promise.all([send(client, { token }), send(client, { token: other })])
        return row.case === 'listed' ? its : mine
      }
      case 'one token, others were taken':
        await send(client, { token: other })
        simulator.hms.killToken(token)
        return send(client, { token })
      case 'nothing was taken':
        simulator.hms.killToken(token)
        return send(client, { token })
      case undefined:
      default:
        if (row.code !== '80000000')
          simulator.hms.faults.answerFor(
            token,
            row.code === null ? { status: row.status ?? 0 } : { code: row.code as never },
          )
        return send(client, { token })
    }
  }
})
