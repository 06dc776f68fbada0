import { describe, expect, test } from 'vitest'
import { accept, apns, DEVICE_TOKEN } from '../../test/apns.ts'
import { attemptTo } from '../../test/fixtures.ts'
import type { Notification } from '../notification.ts'
import { APNS_PUSH_TYPES, type ApnsOptions, type ApnsPushType } from './options.ts'

const NOW = Date.parse('2026-11-02T10:00:00Z') / 1000
const START = {
  event: 'start',
  'content-state': { score: 1 },
  'attributes-type': 'Game',
  attributes: { id: 1 },
}

/** Sends one, and gives back what the peer saw and what it came to. */
async function push(options: ApnsOptions, overrides: Partial<Notification> = {}) {
  const { client, peer } = await apns(accept)
  const outcome = await client.send(attemptTo({ token: DEVICE_TOKEN }, { ...overrides, apns: options }))
  const [request] = peer.requests
  return {
    outcome,
    headers: request?.headers,
    content: request && (JSON.parse(String(request.body)) as Record<string, unknown>),
    bytes: request?.body.length ?? 0,
  }
}

/** Written from Apple's table again, and not from ours: suffix, priority when high, when normal. */
const TABLE: Record<Exclude<ApnsPushType, 'mdm'>, [string, string, string]> = {
  alert: ['', '10', '5'],
  background: ['', '5', '5'],
  voip: ['.voip', '10', '10'],
  complication: ['.complication', '10', '5'],
  fileprovider: ['.pushkit.fileprovider', '10', '5'],
  location: ['.location-query', '10', '5'],
  liveactivity: ['.push-type.liveactivity', '10', '5'],
  pushtotalk: ['.voip-ptt', '10', '10'],
  widgets: ['.push-type.widgets', '10', '5'],
  controls: ['.push-type.controls', '10', '5'],
}
const rows = Object.entries(TABLE).map(([pushType, [suffix, high, normal]]) => {
  return { pushType: pushType as ApnsPushType, suffix, high, normal }
})

describe('each push type', () => {
  test.each(rows)('$pushType goes to the topic with "$suffix", with priority $high or $normal', async row => {
    const { pushType, suffix, high, normal } = row
    const aps = pushType === 'liveactivity' ? { event: 'update', 'content-state': {} } : undefined
    for (const [priority, expected] of [
      ['high', high],
      ['normal', normal],
    ] as const) {
      const { outcome, headers } = await push({ pushType, aps }, { priority })
      expect(outcome).toMatchObject({ kind: 'accepted' })
      expect(headers).toMatchObject({
        'apns-push-type': pushType,
        'apns-topic': `com.example.app${suffix}`,
        'apns-priority': expected,
      })
    }
  })

  test('is in the table above', () => {
    expect([...Object.keys(TABLE), 'mdm'].toSorted()).toEqual(APNS_PUSH_TYPES.toSorted())
  })

  test.each([
    ['background', 10],
    ['background', 1],
    ['voip', 5],
    ['pushtotalk', 5],
    ['liveactivity', 1],
    ['location', 1],
  ] as const)('%s with priority %i is not sent', async (pushType, priority) => {
    const { outcome, headers } = await push({ pushType, priority, aps: { event: 'end' } })
    expect(outcome).toMatchObject({
      kind: 'message_fault',
      reason: expect.stringMatching(/^priority_not_allowed: /),
    })
    expect(headers).toBeUndefined()
  })

  test('an alert may save power with priority 1', async () => {
    const { headers } = await push({ priority: 1 })
    expect(headers?.['apns-priority']).toBe('1')
  })

  test.each([
    ['alert', 4096],
    ['voip', 5120],
    ['complication', 4096],
    ['pushtotalk', 4096],
  ] as const)('%s has room for %i bytes and not one more', async (pushType, limit) => {
    const small = await push({ pushType, payload: { fill: '' } })
    const room = limit - small.bytes
    const full = await push({ pushType, payload: { fill: 'x'.repeat(room) } })
    expect(full).toMatchObject({ outcome: { kind: 'accepted' }, bytes: limit })
    const over = await push({ pushType, payload: { fill: 'x'.repeat(room + 1) } })
    expect(over.outcome).toMatchObject({
      kind: 'message_fault',
      reason: expect.stringContaining(`${limit + 1} bytes, ${limit} allowed; biggest: fill ${room + 1}`),
    })
  })
})

describe('what the sender writes for APNs', () => {
  test('goes over the common part, and null takes a key away', async () => {
    const { content } = await push(
      {
        aps: { 'thread-id': 't', alert: { 'title-loc-key': 'K' }, 'mutable-content': null },
        payload: { own: 1, p: null, u: 'mine' },
      },
      { sound: 'default', data: { a: 1 } },
    )
    expect(content).toEqual({
      aps: { alert: { 'title-loc-key': 'K' }, sound: 'default', 'thread-id': 't' },
      pw_msg: '1',
      u: 'mine',
      own: 1,
    })
  })

  test('makes an alert of a message that shows nothing else', async () => {
    const { headers } = await push({ aps: { badge: 0 } }, { title: undefined, body: undefined })
    expect(headers?.['apns-push-type']).toBe('alert')
  })

  test.each<[string, ApnsOptions]>([
    ['alert_shows_nothing', { pushType: 'alert', aps: { alert: null } }],
    ['payload_has_aps', { payload: { aps: {} } }],
    ['reserved_field: apns.payload has "ru"', { payload: { ru: 'Привет' } }],
    ['reserved_field: apns.payload has "rk"', { payload: { rk: 'x' } }],
    ['background_has_more: "sound"', { pushType: 'background', aps: { sound: 'default' } }],
    ['background_has_more: "mutable-content"', { pushType: 'background', aps: { 'mutable-content': 1 } }],
    ['background_incomplete', { pushType: 'background', aps: { 'content-available': null } }],
    ['aps_malformed: "badge"', { aps: { badge: '3' } }],
    ['aps_malformed: "badge"', { aps: { badge: -1 } }],
    ['aps_malformed: "content-available"', { aps: { 'content-available': true } }],
    ['aps_malformed: "mutable-content"', { aps: { 'mutable-content': '1' } }],
    ['aps_malformed: "interruption-level"', { aps: { 'interruption-level': 'urgent' } }],
    ['aps_malformed: "relevance-score"', { aps: { 'relevance-score': 2 } }],
    ['aps_malformed: "sound"', { aps: { sound: 1 } }],
    ['aps_malformed: "alert"', { aps: { alert: ['x'] } }],
    ['aps_malformed: "thread-id"', { aps: { 'thread-id': 7 } }],
    ['liveactivity_incomplete: event must be', { pushType: 'liveactivity', aps: { 'content-state': {} } }],
    ['liveactivity_incomplete: event must be', { pushType: 'liveactivity', aps: { event: 'stop' } }],
    ['event update needs content-state', { pushType: 'liveactivity', aps: { event: 'update' } }],
    ['needs attributes-type', { pushType: 'liveactivity', aps: { ...START, 'attributes-type': null } }],
    ['needs attributes', { pushType: 'liveactivity', aps: { ...START, attributes: null } }],
    ['needs content-state', { pushType: 'liveactivity', aps: { ...START, 'content-state': null } }],
    ['needs alert', { pushType: 'liveactivity', aps: { ...START, alert: null } }],
    ['needs timestamp', { pushType: 'liveactivity', aps: { ...START, timestamp: null } }],
    ['aps_malformed: "timestamp"', { pushType: 'liveactivity', aps: { ...START, timestamp: NOW * 1000 } }],
    ['aps_malformed: "stale-date"', { pushType: 'liveactivity', aps: { ...START, 'stale-date': '1' } }],
    ['mdm_malformed', { pushType: 'mdm' }],
    ['mdm_malformed', { pushType: 'mdm', payload: { mdm: 'x', other: 1 } }],
    ['push_type_needs_certificate', { pushType: 'mdm', payload: { mdm: 'x' } }],
  ])('is not sent when Apple would refuse or drop it: %s', async (reason, options) => {
    const { outcome, headers } = await push(options)
    expect(outcome).toMatchObject({ kind: 'message_fault', reason: expect.stringContaining(reason) })
    expect(headers).toBeUndefined()
  })

  test('may score a Live Activity beyond 1', async () => {
    const { outcome } = await push({
      pushType: 'liveactivity',
      aps: { event: 'end', 'relevance-score': 75 },
    })
    expect(outcome).toMatchObject({ kind: 'accepted' })
  })
})

describe('the content by type', () => {
  test('a background push carries data and shows nothing, whatever the message has for others', async () => {
    const { content } = await push({ pushType: 'background' }, { sound: 'default', badge: 1, data: { a: 1 } })
    expect(content).toEqual({ aps: { 'content-available': 1 }, pw_msg: '1', p: 'h4sh', u: '{"a":1}' })
  })

  test('a Live Activity starts with its alert, its state and the time of now', async () => {
    const { content, headers } = await push({ pushType: 'liveactivity', aps: START }, { sound: 'ding' })
    expect(content).toEqual({
      aps: { ...START, timestamp: NOW, alert: { title: 'Hello', body: 'There you are', sound: 'ding' } },
    })
    expect(headers?.['apns-collapse-id']).toBe('h4sh')
  })

  test('an update of a Live Activity needs no alert, and keeps the time that it is given', async () => {
    const aps = { event: 'update', 'content-state': { score: 2 }, timestamp: NOW - 5 }
    const { content } = await push({ pushType: 'liveactivity', aps }, { title: undefined, body: undefined })
    expect(content).toEqual({ aps })
  })

  test.each(['widgets', 'controls'] as const)(
    'a push for %s says that their content changed',
    async pushType => {
      const { content } = await push({ pushType })
      expect(content).toEqual({ aps: { 'content-changed': true } })
    },
  )

  test('a VoIP push carries what the call screen may show', async () => {
    const { content } = await push({ pushType: 'voip' }, { data: { call: 7 } })
    expect(content).toMatchObject({
      aps: { alert: { title: 'Hello', body: 'There you are' } },
      u: '{"call":7}',
    })
    expect(content?.aps).not.toHaveProperty('mutable-content')
  })

  test.each(['complication', 'fileprovider', 'location', 'pushtotalk'] as const)(
    'a push for %s shows nothing and carries its own keys',
    async pushType => {
      const { content } = await push({ pushType, payload: { own: true } })
      expect(content).toEqual({ aps: {}, pw_msg: '1', p: 'h4sh', own: true })
    },
  )
})
