/**
 * 200 devices, each with causes drawn by a seed: what is proven is one of the causes that were made, for the device as it is now and for
 * messages that were sent to all of them; whoever has a cause is told one, and whoever has none is told none.
 */
import { seededRandom } from '@roost/simulator'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Kind, Patient, type Registered } from '../../../test/diagnosis.ts'
import { startRoost, type TestRoost } from '../../../test/roost.ts'

const DEVICES = 200
const AT_ONCE = 20
const SEED = 20261122

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

/** What was done to a device; each blocks what is sent to it. */
interface Cause {
  /** As findings name it. */
  readonly key: string
  /** Of this message alone. */
  readonly of?: 'condition' | 'marketing'
}

interface Case {
  readonly own: Patient
  readonly device: Registered
  readonly causes: readonly Cause[]
}

const random = seededRandom(SEED)

function pick<T>(choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)] as T
}

function isDrawn(share: number): boolean {
  return random() < share
}

/** Apps whose gateways are in order, or are not. */
async function openApps(): Promise<
  readonly { readonly own: Patient; readonly of: Partial<Record<Kind, string>> }[]
> {
  const good = await Patient.open(roost)
  const bare = await Patient.open(roost, { gateways: ['android'] })
  const revoked = await Patient.open(roost, { gateways: ['ios', 'android'] })
  for (const own of [good, bare, revoked]) await own.rest('PATCH', '/rules', { categories: ['promo'] })
  await revoked.revokeKey()
  roost.simulator.fcm.setService(revoked.projectId, false)
  for (const kind of ['ios', 'android'] as const) {
    const prober = await revoked.register(kind)
    const id = await revoked.send({ to: { devices: [prober.hwid] } })
    await revoked.until(id, it => it.held.length > 0)
  }
  return [
    { own: good, of: {} },
    { own: bare, of: { ios: 'DX-01' } },
    { own: revoked, of: { ios: 'DX-04', android: 'DX-10' } },
  ]
}

type Token = 'good' | 'none' | 'error' | 'dead' | 'moved' | 'unregistered' | 'stray'
const TOKENS: readonly Token[] = [
  'good',
  'good',
  'good',
  'none',
  'error',
  'dead',
  'moved',
  'unregistered',
  'stray',
]
const ERRORS = { '3000': 'DX-34.entitlement', SERVICE_NOT_AVAILABLE: 'DX-34.network', '42': 'DX-34' } as const
const DEAD = { ios: 'DX-37.apns', android: 'DX-37.fcm', web: 'DX-37.webpush', huawei: 'DX-37.hms' } as const

async function makeCase({ own, of }: Awaited<ReturnType<typeof openApps>>[number]): Promise<Case> {
  const kind = pick<Kind>(['ios', 'android', 'web'])
  const token = pick(TOKENS)
  const causes: Cause[] = []
  const isDenied = isDrawn(0.2)
  const isNew = isDrawn(0.5)
  const hasError = token === 'error'
  const code = pick(Object.keys(ERRORS) as (keyof typeof ERRORS)[])
  const device = await own.register(kind, {
    ...(token === 'none' || hasError ? { push_token: null } : {}),
    // Of the other environment than the device says: it is found out by a push, and no cause of anything.
    ...(token === 'stray' && kind === 'ios' ? own.newToken('ios', { environment: 'sandbox' }) : {}),
    ...(hasError ? { registration_error: { code } } : {}),
    ...(kind === 'android' ? { os_version: isNew ? '15' : '12' } : {}),
    tags: { group: isDrawn(0.3) ? 'out' : 'in', ...(isDrawn(0.2) ? { optedOut: ['promo'] } : {}) },
    ...(isDenied ? { permission: 'denied' } : { permission: 'granted' }),
  })
  if (token === 'none' && !isDenied) causes.push({ key: 'DX-33' })
  if (hasError) causes.push({ key: ERRORS[code] })
  if (token === 'dead') await kill(own, kind, device, isDenied)
  if (token === 'dead' && !isDenied && of[kind] === undefined) causes.push({ key: DEAD[kind] })
  if (token === 'stray' && !isDenied) await push(own, device)
  if (token === 'moved') {
    await own.register(kind, device.told)
    causes.push({ key: 'DX-42' })
  }
  if (token === 'unregistered') {
    await own.call('unregisterDevice', { hwid: device.hwid })
    causes.push({ key: 'DX-49.unregistered' })
  }
  if (isDenied) causes.push({ key: kind === 'android' && isNew ? 'DX-47' : 'DX-45.denied' })
  const refused = of[kind]
  if (refused !== undefined) causes.push({ key: refused })
  const { tags } = (
    await roost.rest<{ tags: Record<string, unknown> }>('GET', `/v1/apps/${own.app}/devices/${device.hwid}`)
  ).body
  if (tags.group === 'out') causes.push({ key: 'DX-20.part', of: 'condition' })
  if (Array.isArray(tags.optedOut)) causes.push({ key: 'DX-49.category', of: 'marketing' })
  return { own, device, causes }
}

/** The gateway is told by a push, so that Roost hears of it; nobody pushes to who may show nothing. */
async function kill(own: Patient, kind: Kind, device: Registered, isDenied: boolean): Promise<void> {
  const { token } = device
  if (kind === 'ios') {
    roost.clock.advance(10_000)
    roost.simulator.apns.killToken(token)
    roost.clock.advance(10_000)
  } else if (kind === 'android') roost.simulator.fcm.killToken(token)
  else roost.simulator.webPush.dropSubscription(token)
  if (!isDenied) await push(own, device)
}

async function push(own: Patient, { hwid }: Registered): Promise<void> {
  const id = await own.send({ to: { devices: [hwid] } })
  await own.until(id, it => it.state === 'done' || it.held.length > 0)
}

interface Messages {
  readonly condition: string
  readonly marketing: string
}

/** Now, and of both messages; gives back how much was proven. */
async function askAll({ own, device, causes }: Case, messages: Messages | undefined): Promise<number> {
  let proven = 0
  for (const asked of ['now', 'condition', 'marketing'] as const) {
    const made = causes.filter(it => it.of === undefined || it.of === asked).map(it => it.key)
    const { findings, trace } = await own.of(device, asked === 'now' ? undefined : messages?.[asked])
    const found = findings
      .filter(it => it.verdict === 'proven' && it.effect === 'blocks')
      .map(it => it.message.key)
    const told = JSON.stringify({ asked, hwid: device.hwid, made, found, trace })
    expect(
      found.filter(it => !made.includes(it)),
      told,
    ).toEqual([])
    expect(found.length > 0, told).toBe(made.length > 0)
    proven += found.length
  }
  return proven
}

test(`of ${DEVICES} devices with mixed causes, what is proven is right and never wrong`, async () => {
  const apps = await openApps()
  const cases: Case[] = []
  // What is drawn is drawn before anything is waited for, so a seed gives the same causes again.
  for (let i = 0; i < DEVICES; i += AT_ONCE)
    cases.push(...(await Promise.all(Array.from({ length: AT_ONCE }, () => makeCase(pick(apps))))))
  const condition = { tag: 'group', op: 'eq', value: 'in' } as const
  const messages = new Map<Patient, Messages>()
  for (const { own } of apps) {
    const sent = [
      await own.send({ to: { condition } }),
      await own.send({ to: { all: true }, rules: { category: 'promo' } }),
    ] as const
    for (const id of sent)
      await own.until(
        id,
        it =>
          it.state === 'done' ||
          (it.held.length > 0 && it.counts.pending + it.counts.accepted + it.counts.skipped > 0),
      )
    messages.set(own, { condition: sent[0], marketing: sent[1] })
  }
  let proven = 0
  for (let i = 0; i < cases.length; i += AT_ONCE) {
    const asked = cases.slice(i, i + AT_ONCE).map(it => askAll(it, messages.get(it.own)))
    for (const count of await Promise.all(asked)) proven += count
  }
  expect(proven).toBeGreaterThan(DEVICES)
}, 120_000)
