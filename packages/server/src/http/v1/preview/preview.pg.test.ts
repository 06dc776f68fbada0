/** POST /v1/apps/{app}/messages/preview. */
import type { NewPreview, Preview } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Answer, startRoost, type TestRoost } from '../../../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
  await roost.phone('ios', { hwid: 'anna', language: 'de', tags: { Name: 'Anna' } })
  await roost.phone('android', { hwid: 'bert', language: 'en' })
})
afterAll(() => roost.close())

const ask = (asked: NewPreview): Promise<Answer<Preview>> =>
  roost.rest<Preview>('POST', `/v1/apps/${roost.app}/messages/preview`, asked)
const look = async (asked: NewPreview) => (await ask(asked)).body

test('content is shown for each language of each gateway, with its size and what takes the room', async () => {
  const { gateways, problems } = await look({
    content: {
      title: 'Hello',
      body: 'x'.repeat(500),
      data: { order: 'y'.repeat(100) },
      languages: { de: { title: 'Hallo' } },
    },
  })
  expect(problems).toEqual([])
  const apns = gateways.filter(it => it.gateway === 'apns')
  expect(apns.map(it => [it.language, it.shown?.title])).toEqual([
    [null, 'Hello'],
    ['de', 'Hallo'],
  ])
  expect(apns[0]).toMatchObject({ hasCredential: true, isPersonal: false, reason: null })
  expect(gateways.find(it => it.gateway === 'hms')).toMatchObject({ hasCredential: false })
  for (const { size, gateway } of gateways.filter(it => it.gateway !== 'hms')) {
    expect(size?.bytes, gateway).toBeGreaterThan(600)
    expect(size?.bytes, gateway).toBeLessThan(size?.limit ?? 0)
    expect(
      size?.parts.slice(0, 2).map(it => it.field),
      gateway,
    ).toEqual(['body', 'data'])
    expect(size?.parts[0]?.bytes, gateway).toBeGreaterThanOrEqual(500)
  }
})

test('a template is shown as each device would show it', async () => {
  const { gateways, devices } = await look({
    content: {
      title: 'Hi {{ tags.Name | default: "you" }}',
      body: 'Hello',
      languages: { de: { body: 'Hallo' } },
    },
    devices: ['anna', 'bert'],
  })
  expect(gateways.find(it => it.gateway === 'apns')).toMatchObject({
    isPersonal: true,
    shown: null,
    size: null,
  })
  expect(devices).toMatchObject([
    { hwid: 'anna', gateway: 'apns', shown: { title: 'Hi Anna', body: 'Hallo' }, reason: null },
    { hwid: 'bert', gateway: 'fcm', shown: { title: 'Hi you', body: 'Hello' }, reason: null },
  ])
})

test('who has no value for a variable is told with the reason', async () => {
  const { devices } = await look({ content: { title: 'Hi {{ tags.Name }}' }, devices: ['bert'] })
  expect(devices).toMatchObject([
    { hwid: 'bert', shown: null, reason: expect.stringContaining('variable_missing') },
  ])
})

test('without named devices some of the audience are found, of each gateway', async () => {
  const all = await look({ content: { title: 'Hello' } })
  expect(all.devices.map(it => it.hwid).toSorted()).toEqual(['anna', 'bert'])
  const condition = { tag: 'Name', op: 'eq', value: 'Anna' } as const
  const some = await look({ content: { title: 'Hello' }, to: { condition } })
  expect(some.devices.map(it => it.hwid)).toEqual(['anna'])
})

test('named devices that get no push are told', async () => {
  const { devices, unreachable } = await look({ content: { title: 'Hello' }, devices: ['anna', 'nobody'] })
  expect(devices.map(it => it.hwid)).toEqual(['anna'])
  expect(unreachable).toEqual(['nobody'])
})

test('what a message would be refused for is told, and the rest is shown all the same', async () => {
  const tooLarge = await look({ content: { title: 'Hello', body: 'x'.repeat(4090) } })
  expect(tooLarge.problems).toMatchObject([
    {
      code: 'message_too_large',
      detail: expect.stringContaining('body'),
      remarks: [{ code: 'payload_too_large', values: { gateway: 'apns', limit: 4096 } }],
    },
  ])
  expect(tooLarge.gateways.find(it => it.gateway === 'apns')).toMatchObject({
    shown: { title: 'Hello' },
    reason: expect.stringContaining('payload_too_large'),
  })
  const unreadable = await ask({ content: { title: 'Hi {{ Name' } })
  expect(unreadable).toMatchObject({
    status: 200,
    body: {
      problems: [
        {
          code: 'input_invalid',
          remarks: [
            { code: 'template_brackets_open', place: 'content/title', values: { written: '{{ Name' } },
          ],
        },
      ],
    },
  })
})

test('an image that phones can not load is told with its fault, and refuses nothing', async () => {
  const url = 'https://127.0.0.1:1/picture.png'
  const { images, problems } = await look({ content: { title: 'Hello', image: url } })
  const remark = {
    code: 'image_not_loaded',
    place: null,
    values: { image: url, reason: expect.any(String) },
    text: expect.stringContaining(url),
  }
  expect(images).toEqual([{ url, fault: expect.any(String), warning: null, remark }])
  expect(problems).toEqual([])
})

test('nothing is stored, and nothing is sent', async () => {
  await look({ content: { title: 'Hello' } })
  const { body } = await roost.rest<{ messages: unknown[] }>('GET', `/v1/apps/${roost.app}/messages`)
  expect(body.messages).toEqual([])
})
