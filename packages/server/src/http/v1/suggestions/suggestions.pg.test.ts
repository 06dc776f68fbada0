/** GET /v1/apps/{app}/suggestions and …/suggestions/values. */
import type { SuggestedNames, SuggestedValues } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, type BareServer, startBare } from '../../../../test/bare.ts'

let server: BareServer
let app: Access
beforeAll(async () => {
  server = await startBare({ roles: ['api'] })
  app = await server.createApp()
  const devices = [
    {
      hwid: 'a',
      device_type: 1,
      language: 'en',
      app_version: '2.0',
      tags: { Plan: 'gold', Age: 30, Likes: ['tea', 'jazz'] },
    },
    {
      hwid: 'b',
      device_type: 1,
      language: 'de',
      app_version: '2.0',
      tags: { Plan: 'free', Age: 31, Likes: ['tea'] },
    },
    { hwid: 'c', device_type: 3, language: 'de', app_version: '1.9', tags: { Plan: 'free', Vip: true } },
  ]
  for (const { tags, ...fields } of devices) {
    await server.device(app, 'registerDevice', {
      ...fields,
      push_token: `token-of-${fields.hwid}`.padEnd(64, '0').replace(/[^0-9a-f]/g, 'a'),
    })
    await server.device(app, 'setTags', { hwid: fields.hwid, tags })
  }
  await server.device(app, 'postEvent', { hwid: 'a', event: 'Bought', attributes: {} })
  await server.rest('PUT', `/v1/apps/${app.app}/tags/Plan`, { type: 'string' })
  await server.rest('PUT', `/v1/apps/${app.app}/tags/Unused`, { type: 'date' })
})
afterAll(() => server.close())

const names = async () => (await server.rest<SuggestedNames>('GET', `/v1/apps/${app.app}/suggestions`)).body
const valuesOf = (query: string) =>
  server.rest<SuggestedValues>('GET', `/v1/apps/${app.app}/suggestions/values?${query}`)
const listOf = async (query: string) => (await valuesOf(query)).body.values.map(it => [it.value, it.devices])

test('tags are suggested with their type, defined or as most of their values look, the most frequent first', async () => {
  const { tags, sample } = await names()
  const named = (name: string) => tags.find(it => it.name === name)
  expect(sample).toEqual({ devices: 3, isWhole: true })
  expect(tags[0]).toMatchObject({ name: 'Plan', type: 'string', isDefined: true, devices: 3, share: 1 })
  expect(named('Age')).toMatchObject({ type: 'integer', isDefined: false, isDefault: false, devices: 2 })
  expect(named('Likes')).toMatchObject({ type: 'list' })
  expect(named('Vip')).toMatchObject({ type: 'boolean', devices: 1 })
  expect(named('Unused')).toMatchObject({ type: 'date', isDefined: true, devices: 0 })
  expect(named('Country')).toMatchObject({ type: 'string', isDefault: true })
})

test('events that devices have posted are suggested', async () => {
  expect((await names()).events).toEqual([{ name: 'Bought', devices: 1, share: 0.3333 }])
})

test('values come with how many devices have them, the most frequent first; of a list, what is in it', async () => {
  expect(await listOf('tag=Plan')).toEqual([
    ['free', 2],
    ['gold', 1],
  ])
  expect(await listOf('tag=Likes')).toEqual([
    ['tea', 2],
    ['jazz', 1],
  ])
  expect(await listOf('tag=Age')).toEqual([
    [30, 1],
    [31, 1],
  ])
  expect(await listOf('tag=Nobody%20has%20it')).toEqual([])
})

test('values of fields, and of tags that the server keeps, are suggested', async () => {
  expect(await listOf('field=language')).toEqual([
    ['de', 2],
    ['en', 1],
  ])
  expect(await listOf('tag=Language')).toEqual(await listOf('field=language'))
  expect(await listOf('field=platform')).toEqual([
    ['ios', 2],
    ['android', 1],
  ])
  expect(await listOf('tag=First%20Install')).toEqual([])
})

test('values are narrowed to those that begin with what was typed, in any case and to the letter', async () => {
  expect(await listOf('tag=Plan&startsWith=GO')).toEqual([['gold', 1]])
  expect(await listOf('tag=Plan&startsWith=%25')).toEqual([])
})

test('a call that names neither a tag nor a field, or both, is told so', async () => {
  expect(await valuesOf('')).toMatchObject({ status: 400, body: { code: 'input_invalid' } })
  expect(await valuesOf('tag=Plan&field=language')).toMatchObject({ status: 400 })
})

test('of a large base a part is looked at, and the numbers are of all of it', async () => {
  const large = await server.createApp()
  const { rows } = await server.db.query<{ id: number }>('select id from app where code = $1', [large.app])
  await server.db.query(
    `insert into device (bucket, app_id, hwid, platform, tags, first_seen_at, last_seen_at)
     select b, $1, 'd' || b || '-' || n, 'web', jsonb_build_object('Plan', case when n <= 10 then 'gold' else 'free' end), now(), now()
       from generate_series(0, 1023) b, generate_series(1, 40) n`,
    [rows[0]?.id],
  )
  const { body } = await server.rest<SuggestedValues>(
    'GET',
    `/v1/apps/${large.app}/suggestions/values?tag=Plan`,
  )
  expect(body).toEqual({
    values: [
      { value: 'free', devices: 30_720, share: 0.75 },
      { value: 'gold', devices: 10_240, share: 0.25 },
    ],
    sample: { devices: 10_240, isWhole: false },
  })
})
