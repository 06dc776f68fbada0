/** What a message tells of those who wait, against the whole server. */
import type { MessageView } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

const HOUR_MS = 3_600_000

let roost: TestRoost
let phones: Phone[]
beforeAll(async () => {
  roost = await startRoost()
  phones = await Promise.all(Array.from({ length: 3 }, () => roost.phone('ios')))
})
afterAll(() => roost.close())

const CONTENT = { title: 'Hello' }
const listed = async (id: string) => {
  const { body } = await roost.rest<{ messages: MessageView[] }>('GET', `/v1/apps/${roost.app}/messages`)
  return body.messages.find(it => it.id === id)
}

describe('who waits', () => {
  test('for their clocks is counted as waiting, and it is said that the message waits for them', async () => {
    for (const [n, { hwid }] of phones.entries())
      await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${hwid}`, { timezoneSeconds: n * -3600 })
    const at = new Date(roost.clock.now() + HOUR_MS).toISOString().slice(0, 16)
    const id = await roost.send({ to: { all: true }, content: CONTENT, localTime: { at } })
    const before = await roost.until(id, it => it.waiting === 3)
    expect(before).toMatchObject({ state: 'sending', awaits: ['clock'], counts: { pending: 0 } })
    expect(before.slots).toHaveLength(3)
    expect(await listed(id)).toMatchObject({ waiting: 3, awaits: ['clock'] })
    roost.clock.advance(HOUR_MS)
    const begun = await roost.until(id, it => it.counts.accepted === 1)
    expect(begun).toMatchObject({ waiting: 2, awaits: ['clock'] })
    roost.clock.advance(3 * HOUR_MS)
    expect(await roost.settle(id)).toMatchObject({ waiting: 0, awaits: [], counts: { accepted: 3 } })
  })

  test('for a winner is said to, until it is known', async () => {
    const experiment = {
      variants: [
        { name: 'A', percent: 1 },
        { name: 'B', percent: 1, content: { title: 'Hi' } },
      ],
      winner: {},
    }
    const id = await roost.send({ to: { all: true }, content: CONTENT, experiment })
    await roost.until(id, it => it.awaits.includes('winner'))
    expect(await listed(id)).toMatchObject({ state: 'sending', awaits: ['winner'] })
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/winner`, { variant: 'B' })
    expect(await roost.settle(id)).toMatchObject({ waiting: 0, awaits: [], counts: { accepted: 3 } })
  })
})
