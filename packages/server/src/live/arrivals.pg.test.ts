/** Devices that say hello at the same time share a transaction: none of them may suffer for another one. */
import { randomUUID } from 'node:crypto'
import type { DevicePresence } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { untilHeldUp } from '../../test/held-up.ts'
import { type Hello, type LiveDevice, liveDevices } from '../../test/live-client.ts'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const opened = liveDevices()

async function live(hello: Partial<Hello> & Pick<Hello, 'hwid'>): Promise<LiveDevice> {
  return opened.connect(roost.url, { app: roost.app, deviceToken: roost.deviceToken, ...hello })
}

async function stateOf(hwid: string): Promise<string> {
  const path = `/v1/apps/${roost.app}/devices/${encodeURIComponent(hwid)}/presence`
  return (await roost.rest<DevicePresence>('GET', path)).body.state
}

const phones = (count: number) => Promise.all(Array.from({ length: count }, () => roost.phone('ios')))

test('of many that come at once those who may not are refused, and all others are let in', async () => {
  const known = await phones(20)
  const [first] = known
  const hellos = [
    ...known.map(it => live({ hwid: it.hwid })),
    live({ hwid: randomUUID() }),
    live({ hwid: first?.hwid ?? '', userId: 'somebody else' }),
  ]
  const [stranger, other] = (await Promise.allSettled(hellos)).slice(-2)
  expect(await Promise.all(known.map(it => stateOf(it.hwid)))).toEqual(known.map(() => 'online'))
  expect(String((stranger as PromiseRejectedResult).reason)).toContain('device_unknown')
  expect(String((other as PromiseRejectedResult).reason)).toContain('another user is logged in')
})

test('a device that is just being changed waits for that, and holds up nobody', async () => {
  const [busy, free] = (await phones(2)).map(it => it.hwid)
  const { waits } = await roost.server.db.transaction(async tx => {
    await tx.query('select from device where hwid = $1 for update', [busy])
    const waits = live({ hwid: busy ?? '', userId: 'bert' })
    await untilHeldUp(roost.server.db)
    await live({ hwid: free ?? '' })
    await tx.query('update device set user_id = $2 where hwid = $1', [busy, 'bert'])
    return { waits }
  })
  await waits // as bert: what was read before he had logged in there does not count
  expect([await stateOf(busy ?? ''), await stateOf(free ?? '')]).toEqual(['online', 'online'])
})

test('what several devices have from a connection before counts as acknowledged, and the rest comes again', async () => {
  const both = (await phones(2)).map(it => it.hwid)
  const before = await Promise.all(both.map(hwid => live({ hwid })))
  const send = async () =>
    roost.send({
      to: { devices: both },
      content: { title: 'Hello' },
      route: 'online-only',
      pushAfterSeconds: 60,
    })
  const ids = [await send(), await send()]
  const seqs = await Promise.all(
    before.map(async it => [(await it.next('message')).seq, (await it.next('message')).seq]),
  )
  for (const id of ids) await roost.until(id, it => it.counts.pending === 2)
  for (const device of before) await device.drop()
  const again = await Promise.all(both.map((hwid, i) => live({ hwid, have: (seqs[i] ?? []).slice(0, 1) })))
  expect(await Promise.all(again.map(async it => (await it.next('acked')).seqs))).toEqual(
    seqs.map(it => it.slice(0, 1)),
  )
  const came = await Promise.all(again.map(async it => (await it.next('message')).seq))
  expect(came).toEqual(seqs.map(it => it[1]))
})
