/**
 * Topics of the FCM stand-in: both forms of subscribing, and sending to a topic or a condition.
 */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type Answer, createAccountKey, detail, GoogleSender } from '../../test/google-sender.ts'
import { type Simulator, startSimulator } from '../simulator.ts'
import { parseCondition } from './condition.ts'

const privateKey = createAccountKey()
let simulator: Simulator
let projectId: string
let sender: GoogleSender
let bearer: string

beforeEach(async () => {
  simulator = await startSimulator()
  const project = await simulator.fcm.createProject({ privateKey })
  projectId = project.projectId
  sender = new GoogleSender(simulator, project.serviceAccount, Date.now)
  bearer = await sender.accessToken()
})

afterEach(async () => {
  sender.session.destroy()
  await simulator.close()
})

function issue(): string {
  return simulator.fcm.issueToken({ projectId })
}

function batch(
  verb: 'Add' | 'Remove',
  topic: string,
  tokens: readonly string[],
  extra = {},
): Promise<Answer> {
  return sender.ask({
    path: `/iid/v1:batch${verb}`,
    body: { to: `/topics/${topic}`, registration_tokens: tokens },
    headers: { authorization: `Bearer ${bearer}`, access_token_auth: 'true', ...extra },
  })
}

function change(method: 'POST' | 'DELETE', token: string, rest: string): Promise<Answer> {
  return sender.ask({
    method,
    path: `/v1/projects/${projectId}/registrations/${encodeURIComponent(token)}/topicSubscriptions${rest}`,
    headers: { authorization: `Bearer ${bearer}` },
  })
}

function send(target: Readonly<Record<string, unknown>>): Promise<Answer> {
  return sender.send(bearer, { message: { ...target, data: { p: 'hash-1' } } })
}

describe('the batch of the Instance ID service', () => {
  test('has a result for each token, in order', async () => {
    const [good, dead] = [issue(), issue()]
    simulator.fcm.killToken(dead)
    const foreign = simulator.fcm.issueToken({ projectId: 'other' })
    const answer = await batch('Add', 'news', [good, dead, 'nonsense', foreign])
    expect(answer).toMatchObject({
      status: 200,
      body: {
        results: [{}, { error: 'NOT_FOUND' }, { error: 'INVALID_ARGUMENT' }, { error: 'PERMISSION_DENIED' }],
      },
    })
    expect(simulator.fcm.topicsOf(good)).toEqual(['news'])
    expect((await batch('Remove', 'news', [good])).body).toEqual({ results: [{}] })
    expect(simulator.fcm.topicsOf(good)).toEqual([])
  })

  test('takes a thousand tokens and needs its header', async () => {
    const tokens = Array.from({ length: 1001 }, issue)
    expect((await batch('Add', 'news', tokens)).status).toBe(400)
    expect((await batch('Add', 'news', tokens.slice(1))).status).toBe(200)
    expect((await batch('Add', 'news', tokens.slice(1000), { access_token_auth: 'no' })).status).toBe(401)
    expect((await batch('Add', 'news', tokens.slice(1000), { authorization: 'Bearer x' })).status).toBe(401)
  })

  test('refuses more than two thousand topics for one app, and a name that is none', async () => {
    const token = issue()
    for (let i = 0; i < 2000; i++) await change('POST', token, `?topic_name=t${i}`)
    expect((await batch('Add', 'one-more', [token])).body).toEqual({
      results: [{ error: 'TOO_MANY_TOPICS' }],
    })
    expect((await batch('Add', 'a b', [token])).body).toEqual({ results: [{ error: 'INVALID_ARGUMENT' }] })
  })

  test('answers errors by order', async () => {
    const token = issue()
    simulator.fcm.topicFaults.answerFor(token, { error: 'DEADLINE_EXCEEDED' }, 1)
    expect((await batch('Add', 'news', [token])).body).toEqual({ results: [{ error: 'DEADLINE_EXCEEDED' }] })
    expect((await batch('Add', 'news', [token])).body).toEqual({ results: [{}] })
  })
})

describe('the subscription of one token', () => {
  test('is made once and taken back once', async () => {
    const token = issue()
    expect((await change('POST', token, '?topic_name=news')).status).toBe(200)
    const again = await change('POST', token, '?topic_name=news')
    expect(again).toMatchObject({ status: 409, body: { error: { status: 'ALREADY_EXISTS' } } })
    expect((await change('DELETE', token, '/news')).status).toBe(200)
    expect((await change('DELETE', token, '/news')).status).toBe(404)
    expect((await change('DELETE', token, '/news?allow_missing=true')).status).toBe(200)
  })

  test('tells a dead token as a send does, and another project as IAM does', async () => {
    const token = issue()
    simulator.fcm.killToken(token)
    const answer = await change('POST', token, '?topic_name=news')
    expect(answer.status).toBe(404)
    expect(detail(answer, 'FcmError')).toMatchObject({ errorCode: 'UNREGISTERED' })
    const path = `/v1/projects/other/registrations/${token}/topicSubscriptions?topic_name=news`
    expect((await sender.ask({ path, headers: { authorization: `Bearer ${bearer}` } })).status).toBe(403)
  })
})

test('three thousand changes a second are enough for one project', async () => {
  let now = Date.now()
  const other = await startSimulator({ clock: () => now })
  const project = await other.fcm.createProject({ privateKey })
  const client = new GoogleSender(other, project.serviceAccount, () => now)
  const headers = { authorization: `Bearer ${await client.accessToken()}`, access_token_auth: 'true' }
  const tokens = Array.from({ length: 1000 }, () => other.fcm.issueToken({ projectId: project.projectId }))
  const add = (topic: string, registration_tokens: readonly string[]) =>
    client.ask({ path: '/iid/v1:batchAdd', body: { to: `/topics/${topic}`, registration_tokens }, headers })
  for (const topic of ['a', 'b', 'c']) expect((await add(topic, tokens)).text).not.toContain('error')
  expect((await add('d', tokens.slice(0, 1))).body).toEqual({ results: [{ error: 'RESOURCE_EXHAUSTED' }] })
  now += 1000
  expect((await add('d', tokens.slice(0, 1))).body).toEqual({ results: [{}] })
  client.session.destroy()
  await other.close()
})

describe('sending', () => {
  test('to a topic reaches who is subscribed and alive, and is one acceptance', async () => {
    const [one, two, dead, none] = [issue(), issue(), issue(), issue()]
    await batch('Add', 'news', [one, two, dead])
    simulator.fcm.killToken(dead)
    expect((await send({ topic: 'news' })).status).toBe(200)
    expect(simulator.pushes({ hash: 'hash-1' }).map(push => push.token)).toEqual([one, two])
    expect(simulator.acceptedFor('hash-1')).toEqual({ acceptances: 1, tokens: new Set(['news']) })
    expect(simulator.pushes({ token: none })).toEqual([])
  })

  test('to a topic of another project reaches nobody', async () => {
    const other = await simulator.fcm.createProject({ privateKey })
    await batch('Add', 'news', [issue()])
    const stranger = new GoogleSender(simulator, other.serviceAccount, Date.now)
    const answer = await stranger.send(await stranger.accessToken(), { message: { topic: 'news' } })
    stranger.session.destroy()
    expect(answer.status).toBe(200)
    expect(simulator.pushes()).toEqual([])
  })

  test('to a condition reaches who fulfils it', async () => {
    const [both, cats, dogs] = [issue(), issue(), issue()]
    await batch('Add', 'cats', [both, cats])
    await batch('Add', 'dogs', [both, dogs])
    await send({ condition: "'cats' in topics && 'dogs' in topics" })
    expect(simulator.pushes().map(push => push.token)).toEqual([both])
    await send({ condition: "'cats' in topics || 'dogs' in topics" })
    expect(simulator.pushes()).toHaveLength(4)
  })

  test('to a topic or condition that is none is INVALID_ARGUMENT', async () => {
    for (const target of [{ topic: '/topics/news' }, { topic: 'a b' }, { condition: "'a' in" }]) {
      const answer = await send(target)
      expect(answer.status).toBe(400)
      expect(detail(answer, 'FcmError')).toMatchObject({ errorCode: 'INVALID_ARGUMENT' })
    }
  })
})

describe('a condition', () => {
  const topics = new Set(['a', 'b'])

  test.each([
    ["'a' in topics", true],
    ["'c' in topics", false],
    ["'c' in topics || 'a' in topics && 'b' in topics", true],
    ["('c' in topics || 'a' in topics) && 'd' in topics", false],
    ["(('a' in topics))&&'b' in topics", true],
  ])('%s is %s for an app with topics a and b', (source, expected) => {
    expect(parseCondition(source)?.(topics)).toBe(expected)
  })

  test.each([
    '',
    'a in topics',
    "'a' in topics &&",
    "'a' in topics 'b' in topics",
    "('a' in topics",
    "'a' in topics)",
    "'a' in topics & 'b' in topics",
    ['a', 'b', 'c', 'd', 'e', 'f'].map(name => `'${name}' in topics`).join(' || '),
  ])('"%s" is none', source => {
    expect(parseCondition(source)).toBeUndefined()
  })
})
