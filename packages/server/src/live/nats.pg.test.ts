/** Several servers on one database with a real NATS between them, which is killed in the middle and comes back. */
import { randomUUID } from 'node:crypto'
import type { DevicePresence } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connectLive, type LiveDevice } from '../../test/live-client.ts'
import { hasNats, NATS_PASSWORD, startNats, type TestNats } from '../../test/nats.ts'
import { SERVER_TOKEN, startRoost, type TestRoost, tick } from '../../test/roost.ts'
import type { RunningServer } from '../main.ts'

/** Longer than any test: what comes all the same was told by a notice. */
const NEVER_MS = 3_600_000
const patient = { route: 'online-first', pushAfterSeconds: 60 } as const

describe.skipIf(!hasNats)('with NATS (Debian package nats-server)', () => {
  let nats: TestNats
  let roost: TestRoost
  /** Looks for nothing by itself. */
  let told: RunningServer
  /** Looks every second, as servers do. */
  let looking: RunningServer
  beforeAll(async () => {
    nats = await startNats()
    roost = await startRoost({ environment: { ROOST_NATS_URL: nats.url } })
    told = await roost.another({ roles: ['api'], lookEveryMs: NEVER_MS })
    looking = await roost.another({ roles: ['api'] })
    await untilNats('connected')
  })
  afterAll(async () => {
    await Promise.all([told.close(), looking.close()])
    await roost.close()
    await nats.close()
  })

  async function untilNats(state: string): Promise<void> {
    for (const { url } of [roost.server, told, looking])
      while ((await readiness(url)).nats !== state) await tick()
  }

  async function connectTo({ url }: RunningServer): Promise<LiveDevice & { readonly hwid: string }> {
    const { hwid } = await roost.phone('ios')
    const { app, deviceToken } = roost
    return Object.assign(await connectLive(url, { app, deviceToken, hwid }), { hwid })
  }

  const send = (hwid: string) =>
    roost.send({ to: { devices: [hwid] }, content: { title: 'Hello' }, ...patient })

  /** Comes to the socket, and does not wait for anything but its acknowledgement. */
  async function reaches(device: LiveDevice & { readonly hwid: string }): Promise<void> {
    const messageId = await send(device.hwid)
    const frame = await device.next('message')
    expect(frame).toMatchObject({ messageId })
    device.say({ type: 'ack', seqs: [frame.seq] })
    await device.next('acked')
  }

  test('a message that one server sends reaches at once the socket that another one holds', async () => {
    const device = await connectTo(told)
    await reaches(device)
    await reaches(device) // the look that belongs to its hello may have found the first
    await device.drop()
  })

  test('presence is one over all of them', async () => {
    const device = await connectTo(told)
    const states = await Promise.all(
      [roost.server, told, looking].map(({ url }) => presence(url, device.hwid)),
    )
    expect(states).toEqual(['online', 'online', 'online'])
    await device.drop()
  })

  test('a call that is made at one server rings at the socket of another', async () => {
    const userId = randomUUID()
    const { hwid } = await roost.phone('ios', { userId })
    const { app, deviceToken } = roost
    const device = await connectLive(told.url, { app, deviceToken, hwid, userId })
    const call = { caller: { name: 'Anna' }, callees: [userId], media: 'audio' }
    const { body, status } = await roost.rest<{ id: string }>('POST', `/v1/apps/${app}/calls`, call)
    expect([status, body]).toMatchObject([201, {}])
    expect(await device.next('call')).toMatchObject({ call: { state: 'ringing' } })
    await device.drop()
  })

  test('killed, it is found within a second by looking, all serve on, and notices go over it when it is back', async () => {
    const found = await connectTo(looking)
    const again = await connectTo(told)
    await nats.kill()
    await untilNats('away')
    expect(await metric(told.url)).toBe('0')
    await reaches(found)
    await nats.start()
    await untilNats('connected')
    expect(await metric(told.url)).toBe('1')
    await reaches(again)
    await reaches(again)
    expect(roost.logged()).not.toContain(NATS_PASSWORD)
    expect(roost.logged()).not.toContain(encodeURIComponent(NATS_PASSWORD))
    await found.drop()
    await again.drop()
  })

  async function presence(url: string, hwid: string): Promise<string> {
    const path = `/v1/apps/${roost.app}/devices/${encodeURIComponent(hwid)}/presence`
    const headers = { authorization: `Bearer ${SERVER_TOKEN}` }
    const response = await fetch(`${url}${path}`, { headers })
    return ((await response.json()) as DevicePresence).state
  }
})

test('without NATS nothing is said of it', async () => {
  const roost = await startRoost()
  expect(await readiness(roost.url)).toEqual({ status: 'ready' })
  expect(await metric(roost.url)).toBeUndefined()
  await roost.close()
})

async function readiness(url: string): Promise<{ readonly status: string; readonly nats?: string }> {
  return (await (await fetch(`${url}/readyz`)).json()) as { status: string; nats?: string }
}

async function metric(url: string): Promise<string | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text()
  return /^roost_nats_connected (\d)$/m.exec(text)?.[1]
}
