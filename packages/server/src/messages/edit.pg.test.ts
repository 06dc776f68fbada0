/** Changing a scheduled message in place, against the whole server: what goes out is one version of it, whole, and once. */
import type { MessageView, NewMessage } from '@roost/protocol'
import type { Phone } from '@roost/simulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { untilHeldUp } from '../../test/held-up.ts'
import { startRoost, type TestRoost } from '../../test/roost.ts'

const HOUR_MS = 3_600_000

let roost: TestRoost
let phone: Phone
beforeAll(async () => {
  roost = await startRoost()
  phone = await roost.phone('ios', { tags: { Name: 'Ada' } })
})
afterAll(() => roost.close())

const later = () => new Date(roost.clock.now() + HOUR_MS).toISOString()
const toPhone = (title: string, more: Partial<NewMessage> = {}): NewMessage => ({
  to: { devices: [phone.hwid] },
  content: { title },
  ...more,
})
type Answered = MessageView & { readonly code?: string; readonly detail?: string }
const edit = (id: string, message: Partial<NewMessage>) =>
  roost.rest<Answered>('PUT', `/v1/apps/${roost.app}/messages/${id}`, message)
const titlesSince = async (before: number) => phone.shown.slice(before).map(it => it.title)

describe('before its time', () => {
  test('all of it is replaced, under the same id, and only that is sent', async () => {
    const before = phone.shown.length
    const id = await roost.send(toPhone('first', { sendAt: later(), collapseKey: 'a', campaign: 'spring' }))
    const sendAt = new Date(roost.clock.now() + 2 * HOUR_MS).toISOString()
    const { status, body } = await edit(id, toPhone('second', { sendAt, ttlSeconds: 60 }))
    expect([status, body.code]).toEqual([200, undefined])
    expect(body).toMatchObject({
      ...{
        id,
        sendAt,
        state: 'scheduled',
        title: 'second',
        ttlSeconds: 60,
        collapseKey: null,
        campaign: null,
      },
    })
    roost.clock.advance(HOUR_MS + 1000)
    await roost.sendAndSettle(toPhone('another one'))
    expect(await titlesSince(before)).toEqual(['another one'])
    roost.clock.advance(HOUR_MS)
    expect((await roost.settle(id)).counts).toMatchObject({ targeted: 1, accepted: 1 })
    expect(await titlesSince(before)).toEqual(['another one', 'second'])
  })

  test('without a time it goes out at once', async () => {
    const before = phone.shown.length
    const id = await roost.send(toPhone('tomorrow', { sendAt: later() }))
    expect((await edit(id, toPhone('today'))).status).toBe(200)
    await roost.settle(id)
    expect(await titlesSince(before)).toEqual(['today'])
  })

  test('one that is paused stays so', async () => {
    const id = await roost.send(toPhone('first', { sendAt: later() }))
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/pause`)
    expect((await edit(id, toPhone('second'))).body.state).toBe('paused')
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  })

  test('what could not be sent is refused as when it is made, and the message stays as it was', async () => {
    const id = await roost.send(toPhone('first', { sendAt: later() }))
    for (const [wrong, code] of [
      [toPhone('{{ Name'), 'input_invalid'],
      [toPhone('x', { content: { body: 'x'.repeat(4090) } }), 'message_too_large'],
      [toPhone('x', { to: { segment: 'nobody' } }), 'segment_unknown'],
      [toPhone('x', { idempotencyKey: 'k' }), 'input_invalid'],
    ] as const)
      expect((await edit(id, wrong)).body.code).toBe(code)
    const { body } = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)
    expect(body).toMatchObject({ title: 'first', to: { devices: [phone.hwid] } })
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  })

  test('the key that it was made with answers with it as before', async () => {
    const made = toPhone('first', { sendAt: later(), idempotencyKey: 'edited-one' })
    const id = await roost.send(made)
    await edit(id, toPhone('second', { sendAt: later() }))
    expect(await roost.send(made)).toBe(id)
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  })

  test('of an experiment it can be read what each variant shows, to change it', async () => {
    const variants = [
      { name: 'A', percent: 50, content: { title: 'a' } },
      { name: 'B', percent: 50 },
    ]
    const id = await roost.send(toPhone('first', { sendAt: later(), experiment: { variants } }))
    const { body } = await roost.rest<MessageView>('GET', `/v1/apps/${roost.app}/messages/${id}`)
    expect(body.experiment?.variants.map(it => it.content)).toEqual([{ title: 'a' }, null])
    await roost.rest('POST', `/v1/apps/${roost.app}/messages/${id}/cancel`)
  })
})

describe('once it has begun', () => {
  test('a change is refused, and a repeat of the one that was made is answered with it', async () => {
    const before = phone.shown.length
    const id = await roost.send(toPhone('first', { sendAt: later() }))
    const second = toPhone('second')
    expect((await edit(id, second)).status).toBe(200)
    await roost.settle(id)
    expect((await edit(id, second)).status).toBe(200)
    expect(await edit(id, toPhone('third'))).toMatchObject({
      status: 409,
      body: { code: 'message_not_editable', detail: `message ${id} is done` },
    })
    expect(await titlesSince(before)).toEqual(['second'])
  })

  test('one that waits for its beginning to be over finds it begun', async () => {
    const id = await roost.send(toPhone('first', { sendAt: later() }))
    const { db } = roost.server
    const answer = await db.transaction(async tx => {
      // as planning does
      await tx.query('select from message where id = $1 for update', [id])
      const asked = edit(id, toPhone('second'))
      await untilHeldUp(db)
      await tx.query("update message set state = 'sending', planned_at = now() where id = $1", [id])
      return { asked }
    })
    expect(await answer.asked).toMatchObject({
      status: 409,
      body: { code: 'message_not_editable', detail: `message ${id} has begun to be sent` },
    })
  })

  test('a recall is what it recalls, and can not be changed', async () => {
    const { id } = await roost.sendAndSettle(toPhone('wrong'))
    const { body } = await roost.rest<MessageView>('POST', `/v1/apps/${roost.app}/messages/${id}/recall`)
    const answer = await edit(body.recalledBy as string, toPhone('other'))
    expect(answer).toMatchObject({ status: 409, body: { code: 'message_not_editable' } })
  })
})

test('of changes that come as messages begin, each is what goes out or is refused, and every message goes out once', async () => {
  const phones = await Promise.all(Array.from({ length: 24 }, () => roost.phone('ios')))
  const sendAt = later()
  const ids = await Promise.all(
    phones.map(({ hwid }) => roost.send({ to: { devices: [hwid] }, content: { title: 'as made' }, sendAt })),
  )
  roost.clock.advance(HOUR_MS)
  const answers = await Promise.all(
    phones.map(({ hwid }, i) =>
      edit(ids[i] as string, { to: { devices: [hwid] }, content: { title: 'as changed' } }),
    ),
  )
  const counts = await Promise.all(ids.map(async id => (await roost.settle(id)).counts))
  expect(counts).toEqual(counts.map(() => expect.objectContaining({ targeted: 1, accepted: 1 })))
  expect(phones.map(it => it.shown.map(({ title }) => title))).toEqual(
    answers.map(({ status }) => [status === 200 ? 'as changed' : 'as made']),
  )
  expect(answers.every(it => it.status === 200 || it.body.code === 'message_not_editable')).toBe(true)
})
