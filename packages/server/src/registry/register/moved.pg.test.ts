/** R3 to the end: what people see when an address changes hands, told by the stand-ins that were really sent to. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const IOS = 1

/** A second installation claims the token of a phone. */
async function claim(token: string, hwid: string, userId: string): Promise<void> {
  const answer = await roost.device('registerDevice', { hwid, userId, device_type: IOS, push_token: token })
  expect(answer.body.status_code).toBe(200)
}

const toUser = (user: string) => ({ to: { users: [user] }, content: { title: `For ${user}` } })
const titles = (phone: { shown: readonly { title: string | undefined }[] }) => phone.shown.map(it => it.title)

test('R3: the user of the former holder gets nothing on an address that moved, and the new one does', async () => {
  const phone = await roost.phone('ios', { userId: 'former' })
  await claim(phone.token as string, 'new-holder', 'latter')
  const lost = await roost.sendAndSettle(toUser('former'))
  expect(lost.counts).toMatchObject({ targeted: 1, skipped: 1, accepted: 0 })
  const won = await roost.sendAndSettle(toUser('latter'))
  expect(won.counts).toMatchObject({ targeted: 1, accepted: 1 })
  expect(titles(phone)).toEqual(['For latter'])
})

test('R3: and it is the other way round when the first installation registers it again', async () => {
  const phone = await roost.phone('ios', { userId: 'first' })
  await claim(phone.token as string, 'second-holder', 'second')
  await phone.register()
  const lost = await roost.sendAndSettle(toUser('second'))
  expect(lost.counts).toMatchObject({ targeted: 1, skipped: 1, accepted: 0 })
  await roost.sendAndSettle(toUser('first'))
  expect(titles(phone)).toEqual(['For first'])
})

test('R3, R11: a message that waits for its hour follows the address to its holder of then', async () => {
  const phone = await roost.phone('ios', { userId: 'early' })
  const sendAt = new Date(roost.clock.now() + 3_600_000).toISOString()
  const id = await roost.send({ ...toUser('early'), sendAt })
  await claim(phone.token as string, 'late-holder', 'late')
  roost.clock.advance(3_600_001)
  expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, skipped: 1, accepted: 0 })
  expect(titles(phone)).toEqual([])
})
