/** The newer messaging call, from its body to what phones show. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SERVER_TOKEN, startRoost, type TestRoost } from '../../../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const name = (what: string) => `${what}-${randomBytes(6).toString('hex')}`

const notify = (body: object, token?: string) => call('notify', body, token)

async function call(method: 'notify' | 'cancel', body: object, token: string = SERVER_TOKEN) {
  const response = await fetch(`${roost.url}/messaging/v2/${method}`, {
    method: 'POST',
    headers: { authorization: `Token ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  // biome-ignore lint/suspicious/noExplicitAny: an answer or a refusal
  return { status: response.status, body: (await response.json()) as any }
}

const hello = {
  localized_content: { en: { ios: { title: 'Hi', body: 'Hello' }, android: { title: 'Hi', body: 'Hello' } } },
}
const now = () => ({ schedule: { at: new Date(roost.clock.now()).toISOString() } })
const common = (payload: object = { content: hello }) => ({ application: roost.app, payload, ...now() })

/** Whose message it is, settled. */
async function sent(body: object) {
  const answer = await notify(body)
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 })
  const { message_code, ...rest } = answer.body.result
  expect(message_code).toMatch(/^[0-9A-F]{4}-[0-9A-F]{8}-[0-9A-F]{8}$/)
  const details = await fetch(`${roost.url}/json/1.3/getMessageDetails`, {
    method: 'POST',
    body: JSON.stringify({ request: { auth: SERVER_TOKEN, message: message_code } }),
  })
  const { response } = (await details.json()) as { response: { message: { id: string } } }
  return { message: await roost.settle(response.message.id), rest }
}

describe('a segment', () => {
  test('is named by an expression or by its code, and platforms narrow it down', async () => {
    const tag = name('tag')
    const [ios, android] = await Promise.all([
      roost.phone('ios', { tags: { [tag]: 1 } }),
      roost.phone('android', { tags: { [tag]: 1 } }),
    ])
    const expression = `T("${tag}", eq, 1)`
    const { message } = await sent({ segment: { ...common(), expression } })
    expect(message.counts.accepted).toBe(2)
    const made = await roost.rest<{ id: string }>('POST', `/v1/apps/${roost.app}/segments`, {
      name: tag,
      expression,
    })
    const { body } = await roost.rest<{ code: string }>(
      'GET',
      `/v1/apps/${roost.app}/segments/${made.body.id}`,
    )
    const again = await sent({
      segment: { ...common(), code: body.code, platforms: ['IOS'], campaign: 'spring' },
    })
    expect(again.rest).toEqual({})
    expect([ios, android].map(it => it.shownCount)).toEqual([2, 1])
    expect(ios.shown.at(-1)).toMatchObject({ title: 'Hi', body: 'Hello' })
  })
})

describe('people and devices by name', () => {
  test('get it, and those that nobody knows are told when that is asked for', async () => {
    const user = name('user')
    const [theirs, other] = await Promise.all([
      roost.phone('ios', { userId: user }),
      roost.phone('android', { userId: user }),
    ])
    const both = await sent({
      transactional: {
        ...common(),
        users: { list: [user, 'nobody'] },
        platforms: ['IOS', 'ANDROID'],
        message_type: 'MESSAGE_TYPE_TRANSACTIONAL',
        return_unknown_identifiers: true,
      },
    })
    expect(both.rest).toEqual({ unknown_identifiers: { users: ['nobody'] } })
    expect(both.message.counts).toMatchObject({ targeted: 2, accepted: 2 })
    await sent({ transactional: { ...common(), users: { list: [user] }, platforms: ['ANDROID'] } })
    expect([theirs, other].map(it => it.shownCount)).toEqual([1, 2])

    const { rest } = await sent({
      transactional: {
        ...common(),
        hwids: { list: [theirs.hwid, 'nobody'] },
        return_unknown_identifiers: true,
      },
    })
    expect(rest).toEqual({ unknown_identifiers: { hwids: ['nobody'] } })
    const nobody = { hwids: { list: ['nobody'] }, platforms: ['IOS'], return_unknown_identifiers: true }
    const none = await sent({ transactional: { ...common(), ...nobody } })
    expect(none.rest).toEqual({ unknown_identifiers: { hwids: ['nobody'] } })
    const { rows } = await roost.server.db.query<{ address: string }>(
      'select address from address where hwid = $1',
      [theirs.hwid],
    )
    await sent({ transactional: { ...common(), push_tokens: { list: [rows[0]?.address] } } })
    expect([theirs, other].map(it => it.shownCount)).toEqual([3, 2])
  })
})

describe('the content', () => {
  test('is of the device’s language and platform', async () => {
    const tag = name('tag')
    const [english, german] = await Promise.all([
      roost.phone('ios', { tags: { [tag]: 1 }, language: 'en' }),
      roost.phone('android', { tags: { [tag]: 1 }, language: 'de' }),
    ])
    const localized_content = {
      default: { ios: { title: 'i', body: 'Hello' }, android: { title: 'a', body: 'Hello' } },
      de: { ios: { title: 'i', body: 'Hallo' }, android: { title: 'a', body: 'Hallo' } },
    }
    const payload = { content: { localized_content }, custom_data: { key: 'value' } }
    await sent({ segment: { ...common(payload), expression: `T("${tag}", SET)` } })
    expect(english.shown.at(-1)).toMatchObject({ title: 'i', body: 'Hello' })
    expect(german.shown.at(-1)).toMatchObject({ title: 'a', body: 'Hallo' })
  })

  test('may be silent', async () => {
    const phone = await roost.phone('ios')
    const { message } = await sent({
      transactional: {
        ...common({ silent: true, custom_data: { sync: 1 } }),
        hwids: { list: [phone.hwid] },
        schedule: { after: '0.000000s' },
      },
    })
    expect(message).toMatchObject({ content: { silent: true, data: { sync: 1 } }, counts: { accepted: 1 } })
  })
})

test.each<[string, () => object, number, string]>([
  ['neither kind', () => ({}), 400, 'either "segment" or "transactional"'],
  [
    'no schedule',
    () => ({ segment: { application: roost.app, payload: { content: hello }, code: 'x' } }),
    400,
    'segment.schedule: it is missing',
  ],
  [
    'two audiences',
    () => ({ segment: { ...common(), code: 'x', expression: 'T("a", SET)' } }),
    400,
    'either "code" or "expression"',
  ],
  [
    'a platform that is not known by name',
    () => ({ segment: { ...common(), code: 'x', platforms: ['BAIDU'] } }),
    400,
    'segment.platforms.0',
  ],
  [
    'a field that is not known',
    () => ({ segment: { ...common(), code: 'x', send_rate: { value: 1 } } }),
    400,
    'unknown field "send_rate"',
  ],
  [
    'an action that is not known',
    () => ({ segment: { ...common({ content: hello, open_action: {} }), code: 'x' } }),
    400,
    'unknown field "open_action"',
  ],
  [
    'no words for a platform that is meant',
    () => ({
      segment: {
        ...common({ content: { localized_content: { en: { ios: { body: 'x' } } } } }),
        expression: 'T("a", SET)',
        platforms: ['IOS', 'ANDROID'],
      },
    }),
    400,
    'localized_content.en: it says nothing for ANDROID',
  ],
  ['a segment of nobody', () => ({ segment: { ...common(), code: 'nobody' } }), 404, 'no segment "nobody"'],
  [
    'a bad expression',
    () => ({ segment: { ...common(), expression: 'T("a", like, 1)' } }),
    400,
    'character 8: expected an operator',
  ],
])('%s is refused with its place, as that API tells faults', async (_what, body, status, words) => {
  const answer = await notify(body())
  expect(answer).toMatchObject({
    status,
    body: { code: status === 404 ? 5 : 3, message: expect.stringContaining(words), details: [{}] },
  })
})

test('a stranger is refused before the body is looked at', async () => {
  expect(await notify({}, 'nonsense')).toMatchObject({ status: 401, body: { code: 16 } })
  expect(await notify({}, roost.deviceToken)).toMatchObject({ status: 401 })
})

describe('a cancel', () => {
  const newest = async () => {
    const path = `/v1/apps/${roost.app}/messages?limit=1`
    const { body } = await roost.rest<{ messages: { id: string; state: string }[] }>('GET', path)
    return body.messages[0] as { id: string; state: string }
  }

  test('stops a message before its time, and may be repeated', async () => {
    const phone = await roost.phone('ios')
    const { body } = await notify({
      transactional: { ...common(), schedule: { after: '3600s' }, hwids: { list: [phone.hwid] } },
    })
    const { message_code } = body.result
    for (let i = 0; i < 2; i++)
      expect(await call('cancel', { message_code })).toEqual({ status: 200, body: {} })
    expect(await newest()).toMatchObject({ state: 'cancelled' })
    roost.clock.advance(3_601_000)
    await sent({ transactional: { ...common(), hwids: { list: [phone.hwid] } } })
    expect(phone.shownCount).toBe(1)
  })

  test('of one that is over is a 400, of one that there is not a 404, without a code a 400', async () => {
    const phone = await roost.phone('ios')
    const { body } = await notify({ transactional: { ...common(), hwids: { list: [phone.hwid] } } })
    await roost.settle((await newest()).id)
    const { message_code } = body.result
    expect(await call('cancel', { message_code })).toMatchObject({
      status: 400,
      body: { code: 9, details: [{ code: 'message_over' }] },
    })
    const unknown = await call('cancel', { message_code: 'C3F8-C3863ED4-334AD4F1' })
    expect([unknown.status, unknown.body.code]).toEqual([404, 5])
    const missing = await call('cancel', {})
    expect([missing.status, missing.body.code]).toEqual([400, 3])
    expect((await call('cancel', { message_code }, 'wrong')).status).toBe(401)
  })
})
