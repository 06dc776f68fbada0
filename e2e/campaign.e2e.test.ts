/**
 * A campaign over a base of which one address in twenty is dead and one in a hundred changes while it is sent. Afterwards the
 * base is exactly what the stand-ins know, row by row, and the next campaign goes to exactly those who live.
 *
 * ROOST_DRILL_DEVICES sets its size, up to a million; 20,000 by default.
 */
import type { MessageView } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { fillSendBase } from '../packages/server/src/cli/bench/send-base.ts'
import { Database } from '../packages/server/src/store/database.ts'
import { eventually } from './support/eventually.ts'
import { BUNDLE_ID, type Fleet, startFleet } from './support/fleet.ts'

const DEVICES = Number(process.env.ROOST_DRILL_DEVICES ?? 20_000)
const DEAD_OF = 20
const FLAPPING_OF = 100
const CALLS_AT_ONCE = 16
/** On a machine that is busy with other things. */
const WITHIN_MS = 60_000 + DEVICES * 1.5

let fleet: Fleet
beforeAll(async () => {
  fleet = await startFleet()
  for (let i = 0; i < 2; i++) await fleet.startSender()
}, 180_000)
afterAll(() => fleet?.close())

interface Device {
  readonly hwid: string
  readonly provider: 'apns' | 'fcm'
  /** What it holds in truth; undefined when its app is gone. */
  token: string | undefined
}

async function fill(): Promise<Device[]> {
  const { simulator, projectId, app } = fleet
  const db = new Database({ url: fleet.databaseUrl })
  try {
    const { rows } = await db.query<{ id: number }>('select id from app where code = $1', [app])
    const appId = rows[0]?.id as number
    const base = { db, appId, simulator, bundleId: BUNDLE_ID, projectId, devices: DEVICES, deadPercent: 0 }
    await fillSendBase(base, () => undefined)
    const filled = await db.query<Device>(
      'select hwid, provider, address as token from address order by hwid',
    )
    return filled.rows
  } finally {
    await db.close()
  }
}

const gatewayOf = ({ provider }: Device) => fleet.simulator[provider]

async function register({ hwid, provider, token }: Device): Promise<void> {
  const { api, app, deviceToken } = fleet
  const request = {
    application: app,
    hwid,
    device_type: provider === 'apns' ? 1 : 3,
    push_token: token,
    ...(provider === 'apns' && { gateway: 'production' }),
  }
  const answer = await fetch(`${api.baseUrl}/json/1.3/registerDevice`, {
    method: 'POST',
    headers: { authorization: `Token ${deviceToken}` },
    body: JSON.stringify({ request }),
  })
  expect(answer.status).toBe(200)
}

/** Installed again with another token. */
async function changeToken(device: Device): Promise<void> {
  gatewayOf(device).killToken(device.token as string)
  const { simulator, projectId } = fleet
  device.token =
    device.provider === 'apns'
      ? simulator.apns.issueToken({ bundleId: BUNDLE_ID })
      : simulator.fcm.issueToken({ projectId })
  await register(device)
}

/** Gone for a moment, and back with the token of before (races A and J). */
async function comeBack(device: Device): Promise<void> {
  gatewayOf(device).killToken(device.token as string)
  await new Promise(setImmediate)
  gatewayOf(device).reviveToken(device.token as string)
  await register(device)
}

async function flap(devices: readonly Device[]): Promise<void> {
  const queue = devices.entries()
  const lane = async () => {
    for (const [i, device] of queue) await (i % 2 === 0 ? changeToken(device) : comeBack(device))
  }
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, lane))
}

const hashOf = (id: string) => id.replaceAll('-', '')
const sendToAll = () => fleet.send({ to: { all: true }, content: { title: 'Hello' } })
const untilDone = (id: string) => fleet.until(id, message => message.state === 'done', WITHIN_MS)

interface Row {
  readonly hwid: string
  readonly token: string
  readonly state: string
}

async function readRows(): Promise<ReadonlyMap<string, Row[]>> {
  const rows = (await fleet.query(
    'select hwid, address as token, state from address',
  )) as unknown as readonly Row[]
  const byHwid = new Map<string, Row[]>()
  for (const row of rows) byHwid.set(row.hwid, [...(byHwid.get(row.hwid) ?? []), row])
  return byHwid
}

/** The devices whose rows are not what the truth is; `living`: the states that one who lives may have. */
function wrongRows(
  rows: ReadonlyMap<string, Row[]>,
  devices: readonly Device[],
  living: readonly string[],
): object[] {
  return devices.flatMap(device => {
    const own = rows.get(device.hwid) ?? []
    const alive = own.filter(it => !['dead', 'superseded'].includes(it.state))
    const isRight =
      device.token === undefined
        ? alive.length === 0 && own.length === 1 && own[0]?.state === 'dead'
        : alive.length === 1 && alive[0]?.token === device.token && living.includes(alive[0]?.state as string)
    return isRight ? [] : [{ ...device, own }]
  })
}

function expectTold(message: MessageView): void {
  const { acceptances, tokens } = fleet.simulator.acceptedFor(hashOf(message.id))
  expect(message.counts.accepted).toBe(acceptances)
  expect(message.counts).toMatchObject({ failed: 0, uncertain: 0, pending: 0, possibleDuplicates: 0 })
  expect(acceptances - tokens.size, 'nobody was asked twice').toBe(0)
}

test(
  `${DEVICES} devices, 5 % dead and 1 % flapping: the base ends as the stand-ins know it`,
  async () => {
    const devices = await fill()
    expect(devices).toHaveLength(DEVICES)
    const dying = devices.filter((_, i) => i % DEAD_OF === 0)
    for (const device of dying) {
      gatewayOf(device).killToken(device.token as string)
      device.token = undefined
    }
    const flapping = devices.filter((_, i) => i % FLAPPING_OF === 7)
    for (const gateway of [fleet.simulator.apns, fleet.simulator.fcm]) gateway.faults.setLatency(20, 40)

    const startedAt = performance.now()
    const first = await sendToAll()
    await eventually({
      what: 'the first acceptance',
      read: () => fleet.simulator.acceptedFor(hashOf(first)).acceptances,
      until: count => count > 0,
      withinMs: WITHIN_MS,
    })
    await Promise.all([flap(flapping), untilDone(first)])
    const done = (await fleet.read(first)) as MessageView
    const seconds = (performance.now() - startedAt) / 1000
    expectTold(done)
    const { targeted, accepted, dead, skipped } = done.counts
    expect({ targeted, together: accepted + dead + skipped }).toEqual({
      targeted: DEVICES,
      together: DEVICES,
    })
    expect(dead).toBeGreaterThanOrEqual(dying.length)
    expect(dead).toBeLessThanOrEqual(dying.length + flapping.length)
    expect(wrongRows(await readRows(), devices, ['active', 'suspect'])).toEqual([])

    const second = await untilDone(await sendToAll())
    expectTold(second)
    const alive = devices.flatMap(it => it.token ?? [])
    expect(second.counts).toMatchObject({ targeted: alive.length, accepted: alive.length, dead: 0 })
    const { tokens } = fleet.simulator.acceptedFor(hashOf(second.id))
    expect(alive.filter(it => !tokens.has(it))).toEqual([])
    // What was in doubt, since it died and came back within seconds, has been confirmed.
    expect(wrongRows(await readRows(), devices, ['active'])).toEqual([])
    process.stdout.write(
      `campaign drill: ${DEVICES} devices, the first campaign in ${seconds.toFixed(1)} s\n`,
    )
  },
  WITHIN_MS * 3,
)
