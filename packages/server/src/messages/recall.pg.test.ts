/** Recalls against the whole server, with what the stand-ins took and what lies on the phones. */
import type { Condition, MessageView, NewMessage } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterEach, describe, expect, test } from 'vitest'
import { addDevices } from '../../test/crowd.ts'
import { startRoost, type TestRoost } from '../../test/roost.ts'

const opened: TestRoost[] = []
afterEach(async () => {
  for (const roost of opened.splice(0)) await roost.close()
})

async function open(): Promise<TestRoost> {
  const roost = await startRoost()
  opened.push(roost)
  return roost
}

type Recalled = MessageView & { readonly code?: string; readonly detail?: string }

const recall = (roost: TestRoost, id: string, body?: object) =>
  roost.rest<Recalled>('POST', `/v1/apps/${roost.app}/messages/${id}/recall`, body)

/** The recall, when it is done. */
async function recalled(roost: TestRoost, id: string, body?: object): Promise<MessageView> {
  const answer = await recall(roost, id, body)
  expect(answer.status, answer.body.detail).toBe(200)
  return roost.settle(answer.body.recalledBy as string)
}

const texts = (phone: Phone) => phone.shown.map(it => it.body)
const WRONG: NewMessage['content'] = { body: '90 % off' }
const RIGHT: NewMessage['content'] = { body: '9 % off' }

describe('with other words', () => {
  test.each([
    ['all', {}],
    ['all, under a key of the sender', { collapseKey: 'sale' }],
  ])('what was shown to %s is replaced on iOS and Android', async (_to, more) => {
    const roost = await open()
    const phones = [await roost.phone('ios'), await roost.phone('android')]
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: WRONG, ...more })
    const later = await roost.phone('ios')
    const { counts, recalls } = await recalled(roost, id, { content: RIGHT })
    expect(phones.map(texts)).toEqual([['9 % off'], ['9 % off']])
    expect(later.shownCount).toBe(0)
    expect(counts).toMatchObject({ targeted: 2, accepted: 2, skipped: 0 })
    expect(recalls).toBe(id)
  })

  test('in a browser it has the tag and the topic of what it replaces', async () => {
    const roost = await open()
    const phone = await roost.phone('web')
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: WRONG })
    const { id: recallId } = await recalled(roost, id, { content: RIGHT })
    expect(phone.shownCount).toBe(2)
    expect(phone.shown.map(it => it.hash)).toEqual([recallId.replaceAll('-', '')])
    const topics = roost.simulator.pushes().map(it => it.collapseKey)
    expect(topics).toEqual([id.replaceAll('-', ''), id.replaceAll('-', '')])
  })

  test('all variants of it are replaced', async () => {
    const roost = await open()
    const phones = await Promise.all(
      Array.from({ length: 16 }, (_, n) => roost.phone(n % 2 === 0 ? 'ios' : 'android')),
    )
    const variants = ['A', 'B'].map(name => ({ name, percent: 50, content: { body: `variant ${name}` } }))
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: WRONG, experiment: { variants } })
    expect(phones.flatMap(texts).every(text => text?.startsWith('variant '))).toBe(true)
    await recalled(roost, id, { content: RIGHT })
    expect(phones.map(texts)).toEqual(phones.map(() => ['9 % off']))
  })

  test('who has opened it, who was never sent it, and who came to have the device is left alone', async () => {
    const roost = await open()
    const reader = await roost.phone('ios', { userId: 'ann' })
    const other = await roost.phone('ios', { userId: 'ann' })
    const sold = await roost.phone('android', { userId: 'ann' })
    const dead = await roost.phone('ios', { userId: 'ann' })
    roost.simulator.apns.killToken(dead.token as string)
    const { id } = await roost.sendAndSettle({ to: { users: ['ann'] }, content: WRONG })
    const pushStat = { hwid: reader.hwid, hash: id.replaceAll('-', '') }
    expect((await roost.device('pushStat', pushStat)).body.status_code).toBe(200)
    await roost.device('registerUser', { hwid: sold.hwid, userId: 'ben' })
    const { counts, to } = await recalled(roost, id, { content: RIGHT })
    expect(counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect(to).toEqual({ devices: [other.hwid] })
    expect([reader, other, sold].map(texts)).toEqual([['90 % off'], ['9 % off'], ['90 % off']])
  })

  test.each([
    ['all', (_: readonly Phone[]) => ({ all: true }) as const],
    ['named devices', (phones: readonly Phone[]) => ({ devices: phones.map(it => it.hwid) })],
  ])('who has logged in since on a device of %s is shown no words for somebody else', async (_to, toOf) => {
    const roost = await open()
    const handed = await roost.phone('ios', { userId: 'ann' })
    const left = await roost.phone('android', { userId: 'cem' })
    const back = await roost.phone('ios', { userId: 'dan' })
    const visitor = await roost.phone('android')
    const phones = [handed, left, back, visitor]
    const { id } = await roost.sendAndSettle({ to: toOf(phones), content: WRONG })
    const login = (phone: Phone, userId: string) => roost.device('registerUser', { hwid: phone.hwid, userId })
    await login(handed, 'ben')
    for (const phone of [left, back])
      await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${phone.hwid}`, { userId: null })
    await login(back, 'dan')
    await login(visitor, 'eva')
    await recalled(roost, id, { content: RIGHT })
    expect(phones.map(texts)).toEqual([['90 % off'], ['90 % off'], ['9 % off'], ['9 % off']])
  })

  test.each([
    ['all', (_: readonly Phone[]) => ({ all: true }) as const],
    ['named devices', (phones: readonly Phone[]) => ({ devices: phones.map(it => it.hwid) })],
  ])('what has come to %s since under the same key stays', async (_to, toOf) => {
    const roost = await open()
    const [both, first] = [await roost.phone('ios'), await roost.phone('android')]
    const collapseKey = 'sale'
    const { id } = await roost.sendAndSettle({ to: toOf([both, first]), content: WRONG, collapseKey })
    const news = { body: 'Sold out' }
    await roost.sendAndSettle({ to: { devices: [both.hwid] }, content: news, collapseKey })
    await recalled(roost, id, { content: RIGHT })
    expect([both, first].map(texts)).toEqual([['Sold out'], ['9 % off']])
  })

  test('that are too long for a gateway nothing is stopped or recalled', async () => {
    const roost = await open()
    const phone = await roost.phone('ios')
    const sendAt = new Date(roost.clock.now() + 3_600_000).toISOString()
    const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: WRONG })
    const waiting = await roost.send({ to: { all: true }, content: WRONG, sendAt })
    const content = { body: 'x', data: { long: 'x'.repeat(5000) } }
    expect(await recall(roost, id, { content })).toMatchObject({ status: 413 })
    const { body } = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)
    expect(body).toMatchObject({ state: 'done', recalledBy: null })
    expect((await recall(roost, waiting)).body).toMatchObject({ state: 'cancelled', recalledBy: null })
  })
})

describe('without other words', () => {
  test('apps are asked silently to take it away, by its hash', async () => {
    const roost = await open()
    const [ios, android] = [await roost.phone('ios'), await roost.phone('android')]
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: WRONG })
    const { counts } = await recalled(roost, id)
    expect(counts).toMatchObject({ targeted: 2, accepted: 2 })
    const hash = id.replaceAll('-', '')
    const pushes = roost.simulator.pushes().filter(it => it.hash !== hash)
    const [toIos, toAndroid] = [ios, android].map(phone => pushes.find(it => it.token === phone.token))
    expect(toIos).toMatchObject({
      headers: { 'apns-push-type': 'background', 'apns-priority': '5' },
      payload: { roost_recall: hash },
    })
    expect(toAndroid?.payload).toMatchObject({ roost_recall: hash, silent: '1', pw_msg_tag: hash })
    expect([ios, android].map(texts)).toEqual([['90 % off'], ['90 % off']])
  })

  test('the app of who has logged in since is asked, too: it shows nothing', async () => {
    const roost = await open()
    const phone = await roost.phone('ios', { userId: 'ann' })
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: WRONG })
    await roost.device('registerUser', { hwid: phone.hwid, userId: 'ben' })
    expect((await recalled(roost, id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
  })

  test('it leaves the inboxes of all', async () => {
    const roost = await open()
    const phone = await roost.phone('ios')
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: WRONG, inbox: {} })
    const inbox = () =>
      roost.rest<{ entries: unknown[]; unread: number }>(
        'GET',
        `/v1/apps/${roost.app}/devices/${phone.hwid}/inbox`,
      )
    expect((await inbox()).body).toMatchObject({ entries: [{ id }], unread: 1 })
    await recalled(roost, id)
    expect((await inbox()).body).toMatchObject({ entries: [], unread: 0 })
  })
})

describe('while it is sent', () => {
  test('what is left is stopped, and the recall waits until all that has left is booked', async () => {
    const roost = await open()
    await addDevices(roost, 900)
    roost.simulator.apns.faults.holdAnswers()
    const id = await roost.send({ to: { all: true }, content: WRONG })
    await roost.simulator.apns.faults.waitForHeld()
    const { body } = await recall(roost, id, { content: RIGHT })
    expect(body.state).toBe('cancelled')
    const recallId = body.recalledBy as string
    const waiting = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${recallId}`)
    expect(waiting.body.state).toBe('scheduled')
    roost.simulator.apns.faults.releaseAnswers()
    const first = await roost.until(id, it => it.finishedAt !== null)
    const second = await roost.settle(recallId)
    expect(first.counts.accepted + first.counts.skipped).toBe(900)
    expect(first.counts.accepted).toBeLessThan(900)
    expect(second.counts).toMatchObject({ targeted: first.counts.accepted, accepted: first.counts.accepted })
    const got = (hash: string) => roost.simulator.pushes({ hash }).map(it => it.token)
    expect(got(recallId.replaceAll('-', '')).sort()).toEqual(got(id.replaceAll('-', '')).sort())
  })
})

describe('a repeat', () => {
  test('at two servers at once makes one recall', async () => {
    const roost = await open()
    await roost.phone('ios')
    const other = await roost.another({ roles: ['api'] })
    try {
      const { id } = await roost.sendAndSettle({ to: { all: true }, content: WRONG })
      const path = `/v1/apps/${roost.app}/messages/${id}/recall`
      const post = async (url: string) => {
        const headers = { authorization: 'Bearer test-server-token-of-enough-length' }
        const response = await fetch(`${url}${path}`, { method: 'POST', headers })
        return ((await response.json()) as Recalled).recalledBy
      }
      const answers = await Promise.all([post(roost.url), post(other.url), post(roost.url), post(other.url)])
      expect(new Set(answers).size).toBe(1)
      expect(await roost.settle(answers[0] as string)).toMatchObject({ counts: { accepted: 1 } })
    } finally {
      await other.close()
    }
  })

  test('in other words, of a recall, and after 30 days is refused', async () => {
    const roost = await open()
    await roost.phone('ios')
    const { id } = await roost.sendAndSettle({ to: { all: true }, content: WRONG })
    const old = await roost.sendAndSettle({ to: { all: true }, content: WRONG })
    const { id: recallId } = await recalled(roost, id, { content: RIGHT })
    expect((await recall(roost, id, { content: RIGHT })).body.recalledBy).toBe(recallId)
    roost.clock.advance(31 * 24 * 3_600_000)
    for (const [which, body] of [
      [id, { content: { body: 'other' } }],
      [id, undefined],
      [recallId, undefined],
      [old.id, undefined],
    ] as const)
      expect(await recall(roost, which, body)).toMatchObject({ status: 409, body: { code: 'message_over' } })
  })
})

test('whom a message reached can be asked of one message, and not of any', async () => {
  const roost = await open()
  const { hwid } = await roost.phone('ios')
  const { id: message } = await roost.sendAndSettle({ to: { devices: [hwid] }, content: WRONG })
  await roost.phone('android')
  const again = (condition: Condition) =>
    roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/messages`, {
      to: { condition },
      content: RIGHT,
    })
  const { body } = await again({ message, was: 'accepted' })
  expect((await roost.settle(body.id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
  for (const condition of [
    { message: 'any', was: 'accepted' },
    { message, was: 'accepted', withinDays: 3 },
  ] as const)
    expect(await again(condition)).toMatchObject({ status: 400, body: { code: 'condition_invalid' } })
})
