/** Content as people send it over REST, and as it lies on the phones of each gateway. */
import type { Content, NewMessage } from '@roost/protocol'
import { createPhone, type Phone } from '@roost/simulator'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let roost: TestRoost
beforeEach(async () => {
  roost = await startRoost()
})
afterEach(() => roost.close())

function sendTo(phones: readonly Phone[], content: Content, more: Partial<NewMessage> = {}) {
  return roost.sendAndSettle({ ...more, to: { devices: phones.map(it => it.hwid) }, content })
}

function textsOf(phones: readonly Phone[]): (string | undefined)[] {
  return phones.map(phone => phone.shown.at(-1)?.body)
}

async function exceptionsOf(id: string): Promise<unknown> {
  const { body } = await roost.rest('GET', `/v1/apps/${roost.app}/messages/${id}/exceptions`)
  return body.exceptions
}

function post(content: unknown) {
  return roost.rest('POST', `/v1/apps/${roost.app}/messages`, { to: { all: true }, content })
}

async function huaweiPhone(tags: Record<string, unknown>): Promise<Phone> {
  const { simulator, app, deviceToken, url } = roost
  const huawei = simulator.hms.createApp()
  await roost.rest('POST', `/v1/apps/${app}/credentials`, { gateway: 'hms', kind: 'client', ...huawei })
  const platform = { kind: 'hms', appId: huawei.appId } as const
  const phone = createPhone({ simulator, roost: { baseUrl: url, app, deviceToken }, platform, tags })
  await phone.open()
  return phone
}

describe('content per language', () => {
  test('goes from the device’s language to the shorter one and to the default', async () => {
    const languages = ['pt-BR', 'pt_PT', 'PT', 'de', 'en']
    const phones = await Promise.all(languages.map(language => roost.phone('ios', { language })))
    await sendTo(phones, {
      title: 'Hello',
      body: 'default',
      languages: { pt: { body: 'pt' }, 'pt-BR': { body: 'pt-BR' }, de: { title: 'Hallo' } },
    })
    expect(textsOf(phones)).toEqual(['pt-BR', 'pt', 'pt', 'default', 'default'])
    expect(phones.map(it => it.shown.at(-1)?.title)).toEqual(['Hello', 'Hello', 'Hello', 'Hallo', 'Hello'])
  })

  test('falls back where a language has an empty text', async () => {
    const [german, austrian] = [
      await roost.phone('ios', { language: 'de' }),
      await roost.phone('ios', { language: 'de-AT' }),
    ]
    const languages = { de: { title: '', body: 'de' }, 'de-AT': { body: ' ' } }
    await sendTo([german, austrian], {
      title: 'Hello',
      languages,
      apns: { languages: { de: { title: '' } } },
    })
    expect(textsOf([german, austrian])).toEqual(['de', 'de'])
    expect([german, austrian].map(it => it.shown.at(-1)?.title)).toEqual(['Hello', 'Hello'])
  })

  test('is rendered once for each language, however many devices there are', async () => {
    const phones = await Promise.all(
      Array.from({ length: 12 }, (_, i) => roost.phone('ios', { language: i % 2 === 0 ? 'de' : 'en' })),
    )
    const message = await sendTo(phones, { body: 'hello', languages: { de: { body: 'hallo' } } })
    expect(message.counts.accepted).toBe(12)
    const metrics = await (await fetch(`${roost.url}/metrics`)).text()
    expect(metrics).toContain('roost_content_rendered_total{kind="shared"} 2')
    expect(metrics).toContain('roost_content_rendered_total{kind="personal"} 0')
  })
})

describe('what a gateway alone shows', () => {
  test('goes before the common part, and its languages before that', async () => {
    const ios = await roost.phone('ios', { language: 'de' })
    const android = await roost.phone('android', { language: 'de' })
    await sendTo([ios, android], {
      title: 'Title',
      body: 'Body',
      languages: { de: { body: 'Text' } },
      apns: { title: 'iOS', languages: { de: { body: 'iOS-Text' } }, aps: { 'thread-id': 't' } },
      fcm: { title: 'Android', ttlSeconds: 60 },
    })
    expect(ios.shown.at(-1)).toMatchObject({ title: 'iOS', body: 'iOS-Text' })
    expect(ios.shown.at(-1)?.push.payload).toMatchObject({ aps: { 'thread-id': 't' } })
    expect(android.shown.at(-1)).toMatchObject({ title: 'Android', body: 'Text', push: { ttlSeconds: 60 } })
  })

  test('lies on the phone of each gateway as its client reads it', async () => {
    const [ios, android] = [await roost.phone('ios'), await roost.phone('android')]
    await sendTo([ios, android], {
      title: 'Title',
      subtitle: 'Sub',
      body: 'Body',
      icon: 'https://img.example/icon.png',
      url: 'https://example.com/x',
      sound: 'ping.caf',
      badge: 3,
      data: { order: 7 },
      root: { campaign: 'spring', level: 2 },
      buttons: [{ title: 'Open', url: 'https://example.com/o' }],
      category: 'ORDER',
      channel: 'orders',
      interruptionLevel: 'time-sensitive',
    })
    expect(ios.shown[0]?.push.payload).toEqual({
      aps: {
        alert: { title: 'Title', subtitle: 'Sub', body: 'Body' },
        sound: 'ping.caf',
        badge: 3,
        category: 'ORDER',
        'interruption-level': 'time-sensitive',
        'mutable-content': 1,
      },
      pw_msg: '1',
      p: expect.any(String),
      l: 'https://example.com/x',
      u: '{"order":7}',
      campaign: 'spring',
      level: 2,
    })
    expect(android.shown[0]?.push.payload).toEqual({
      pw_msg: '1',
      header: 'Title',
      title: 'Body',
      p: expect.any(String),
      pw_msg_tag: expect.any(String),
      ci: 'https://img.example/icon.png',
      l: 'https://example.com/x',
      s: 'ping.caf',
      pw_badges: '3',
      u: '{"order":7}',
      campaign: 'spring',
      level: '2',
      pw_actions: expect.stringContaining('"title":"Open"'),
      pw_channel: 'orders',
    })
  })
})

describe('a phone of another gateway', () => {
  test('in a browser shows title, text, icon, image and buttons', async () => {
    const web = await roost.phone('web', { language: 'de' })
    await sendTo([web], {
      title: 'Title',
      body: 'Body',
      languages: { de: { body: 'Text' } },
      icon: 'https://img.example/icon.png',
      buttons: [{ title: 'Open', url: 'https://example.com/o' }],
      root: { requireInteraction: true },
      webPush: { title: 'In a browser', urgency: 'low' },
    })
    expect(web.shown[0]).toMatchObject({ title: 'In a browser', body: 'Text' })
    expect(web.shown[0]?.push).toMatchObject({
      headers: { urgency: 'low' },
      payload: { i: 'https://img.example/icon.png', requireInteraction: true },
    })
    expect(JSON.parse(String(web.shown[0]?.push.payload?.buttons))).toEqual([
      { title: 'Open', url: 'https://example.com/o' },
    ])
  })

  test('by Huawei shows what is personal, and its own title', async () => {
    const phone = await huaweiPhone({ Name: 'Ada' })
    await sendTo([phone], {
      title: 'Title',
      body: 'Hi {{ tags.Name }}',
      hms: { title: 'Huawei' },
      channel: 'c',
    })
    expect(phone.shown[0]).toMatchObject({ title: 'Huawei', body: 'Hi Ada' })
    expect(phone.shown[0]?.push.payload).toMatchObject({ pw_channel: 'c' })
    phone.close()
  })
})

describe('a template', () => {
  test('takes tags, fields of the device and the user, in any text', async () => {
    const phone = await roost.phone('ios', {
      userId: 'u-1',
      language: 'en',
      tags: { Name: 'Ada', 'Last Order': 7 },
    })
    await sendTo([phone], {
      title: 'Hi {{ tags.Name }}',
      body: '{{ tags["Last Order"] | plus: 1 }} {{ device.language }}',
      url: 'https://example.com/{{ user.id }}',
      data: { nested: [{ name: '{{ tags.Name }}' }] },
    })
    expect(phone.shown[0]).toMatchObject({ title: 'Hi Ada', body: '8 en' })
    expect(phone.shown[0]?.push.payload).toMatchObject({
      l: 'https://example.com/u-1',
      u: '{"nested":[{"name":"Ada"}]}',
    })
  })

  test('skips a device without a value, and says which', async () => {
    const [known, unknown] = [await roost.phone('ios', { tags: { Name: 'Ada' } }), await roost.phone('ios')]
    const message = await sendTo([known, unknown], { body: 'Hi {{ tags.Name }}' })
    expect(message.counts).toMatchObject({ targeted: 2, accepted: 1, skipped: 1 })
    expect(await exceptionsOf(message.id)).toEqual([
      { outcome: 'skipped', reason: 'variable_missing: tags.Name', gateway: 'apns', count: 1 },
    ])
    expect(unknown.shownCount).toBe(0)
  })

  test('may name more tags than a function of the database takes', async () => {
    const names = Array.from({ length: 60 }, (_, i) => `t${i}`)
    const phone = await roost.phone('ios', { tags: Object.fromEntries(names.map(name => [name, 'x'])) })
    await sendTo([phone], { body: names.map(name => `{{ tags.${name} }}`).join('') })
    expect(textsOf([phone])).toEqual(['x'.repeat(60)])
  })

  test('that leaves nothing to show is a recorded skip, and no empty notification', async () => {
    const phone = await roost.phone('ios')
    const { id, counts } = await sendTo([phone], { body: '{{ tags.Name }} ', onMissing: 'blank' })
    expect(counts).toMatchObject({ accepted: 0, skipped: 1 })
    expect(await exceptionsOf(id)).toMatchObject([{ outcome: 'skipped', reason: 'nothing_to_show' }])
    expect(phone.shownCount).toBe(0)
  })

  test('takes the default of the variable, or nothing, where the sender chose so', async () => {
    const phone = await roost.phone('ios')
    await sendTo([phone], { body: 'Hi {{ tags.Name }}', defaults: { 'tags.Name': 'friend' } })
    expect(textsOf([phone])).toEqual(['Hi friend'])
    await sendTo([phone], { body: 'Hi {{ tags.Name }}!', onMissing: 'blank' })
    expect(textsOf([phone])).toEqual(['Hi !'])
  })

  test.each([
    ['a broken one', { body: '{% if x %}' }, /^body\/content\/body: /],
    [
      'one with an unknown filter, in a language',
      { body: 'x', languages: { de: { body: '{{ 1 | nope }}' } } },
      /body: .*nope/,
    ],
    ['an unknown variable', { body: '{{ name }}' }, /^body\/content\/body: the template's "name" is unknown/],
    [
      'an unknown field',
      { body: '{{ device.colour }}' },
      /the template's "device.colour" is unknown; of "device" there are hwid/,
    ],
    [
      'an unknown variable in one language of one gateway',
      {
        body: '{{ tags.Name }}',
        languages: { de: { body: '{{ tags.Name }}' } },
        fcm: { languages: { fr: { buttons: [{ title: '{{ tag.Nom }}' }] } } },
      },
      /^body\/content\/fcm\/languages\/fr\/buttons\/0\/title: the template's "tag" is unknown/,
    ],
    ['a default of an unknown variable', { body: 'x', defaults: { name: 'x' } }, /defaults\/name/],
  ])('is refused when the message is made: %s', async (_, content, detail) => {
    expect(await post(content)).toMatchObject({
      status: 400,
      body: { code: 'input_invalid', detail: expect.stringMatching(detail) },
    })
  })
})

describe('what would stop a server', () => {
  const nested = (depth: number): unknown => JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)

  test.each([
    ['data that is nested without end', { data: nested(40) }, /data: nested deeper than 20/],
    ['data that no gateway takes', { data: { a: 'x'.repeat(20_000) } }, /data: at most 16384/],
    ['raw options that no gateway takes', { apns: { aps: { a: 'x'.repeat(20_000) } } }, /aps: at most 16384/],
  ])('is refused: %s', async (_, content, detail) => {
    expect(await post({ body: 'x', ...content })).toMatchObject({
      status: 400,
      body: { code: 'input_invalid', detail: expect.stringMatching(detail) },
    })
  })

  test.each([
    ['personal', 900, ' {{ tags.Name }}'],
    ['the same for all', 120, ' {{ "Ada" | upcase }}'],
  ])('is told in a moment of the largest content there may be: %s', async (_, count, body) => {
    const data = Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, '{{ 1 }}']))
    const names = Array.from({ length: 100 }, (_, i) => `de-${String(i).padStart(2, 'x')}`)
    const languages = Object.fromEntries(names.map(name => [name, { body: `${name}${body}`.repeat(100) }]))
    const content = { body, data, languages }
    const begun = process.cpuUsage()
    expect(await post(content)).toMatchObject({ status: 202 })
    expect(process.cpuUsage(begun).user).toBeLessThan(3_000_000)
  })

  test('that fails for everybody is refused when the message is made', async () => {
    const loop = '{% for i in (1..100000) %}x{% endfor %}'
    expect(await post({ title: 'x', languages: { de: { title: loop } } })).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(/^body\/content: APNs, language de: template_failed: more/) },
    })
    expect((await post({ title: '{% if true %}Hello{% endif %}' })).status).toBe(202)
  })

  test('that shows a whole object is refused with its place', async () => {
    const languages = { de: { body: '{% assign all = tags %}{{ all }}' } }
    expect(await post({ title: 'x', languages })).toMatchObject({
      status: 400,
      body: { detail: expect.stringMatching(/^body\/content\/languages\/de\/body: an object has no text/) },
    })
    expect((await post({ title: 'x', data: { tags: '{{ tags | json }}' } })).status).toBe(202)
  })

  test('fails for the device alone whose tags make it', async () => {
    const [many, few] = [
      await roost.phone('ios', { tags: { List: Array.from({ length: 60 }, (_, i) => `${i}`) } }),
      await roost.phone('ios', { tags: { List: ['a'] } }),
    ]
    const loops = '{% for a in tags.List %}{% for b in tags.List %}{% endfor %}{% endfor %}'
    const message = await sendTo([many, few], { body: `x${loops}` })
    expect(message.counts).toMatchObject({ targeted: 2, accepted: 1, failed: 1 })
    expect(await exceptionsOf(message.id)).toEqual([
      {
        outcome: 'failed',
        reason: expect.stringMatching(/^template_failed: more steps/),
        gateway: 'apns',
        count: 1,
      },
    ])
  })
})

describe('the size', () => {
  test('is checked when the message is made, and what takes the room is named', async () => {
    expect(
      await post({ title: 'x', data: { filler: 'y'.repeat(4000) }, body: 'z'.repeat(300) }),
    ).toMatchObject({
      status: 413,
      body: {
        code: 'message_too_large',
        detail: expect.stringMatching(/^APNs: \d+ bytes, 4096 allowed; .*: u 4013, aps.alert.body 300/),
      },
    })
    const inGerman = { body: 'z', languages: { de: { body: 'ä'.repeat(4000) } } }
    expect((await post(inGerman)).body.detail).toMatch(/^APNs, language de: 8\d+ bytes/)
  })

  test('is not asked of gateways that the app does not send to', async () => {
    const fits = { body: 'x', webPush: { body: 'y'.repeat(4096) }, hms: { body: 'y'.repeat(4096) } }
    expect(await post(fits)).toMatchObject({ status: 202 })
  })

  test('of personal content is checked for each device, and one reason counts them all', async () => {
    const phones = [
      await roost.phone('ios', { tags: { Name: 'x'.repeat(1000) } }),
      await roost.phone('ios', { tags: { Name: 'x'.repeat(1001) } }),
      await roost.phone('ios', { tags: { Name: 'Ada' } }),
    ]
    const repeated = '{{ tags.Name }}'.repeat(4)
    const message = await sendTo(phones, { title: 'Hi', body: repeated })
    expect(message.counts).toMatchObject({ targeted: 3, accepted: 1, failed: 2 })
    expect(await exceptionsOf(message.id)).toEqual([
      {
        outcome: 'failed',
        reason: expect.stringMatching(/^message_too_large: more than 4096 bytes; biggest: aps.alert.body/),
        gateway: 'apns',
        count: 2,
      },
    ])
  })
})

describe('a badge', () => {
  const badgeOn = (phone: Phone) =>
    (phone.shown.at(-1)?.push.payload?.aps as { badge?: number } | undefined)?.badge

  test('of "+1" counts from what the device set', async () => {
    const phone = await roost.phone('ios')
    await sendTo([phone], { body: 'a', badge: '+1' })
    await sendTo([phone], { body: 'b', badge: '+1' })
    expect(badgeOn(phone)).toBe(2)
    await roost.device('setBadge', { hwid: phone.hwid, badge: 0 })
    await sendTo([phone], { body: 'c', badge: '+1' })
    expect(badgeOn(phone)).toBe(1)
    await roost.rest('PATCH', `/v1/apps/${roost.app}/devices/${phone.hwid}`, { badge: 7 })
    await sendTo([phone], { body: 'd', badge: '+1' })
    expect(badgeOn(phone)).toBe(8)
  })

  test('of "+1" comes also to a device of which an import said more than a badge can show', async () => {
    const phone = await roost.phone('ios')
    await roost.server.db.query(
      `update device set record = jsonb_set(coalesce(record, '{}'), '{badge}', '3000000000') where hwid = $1`,
      [phone.hwid],
    )
    await sendTo([phone], { body: 'a', badge: '+1' })
    expect(badgeOn(phone)).toBe(99_999)
  })

  test('of "unread" is what the inbox of the device has unread, this message among it', async () => {
    const [ios, android] = [await roost.phone('ios'), await roost.phone('android')]
    const inbox = { until: new Date(roost.clock.now() + 3_600_000).toISOString() }
    await sendTo([ios], { body: 'a' }, { inbox })
    await sendTo([ios, android], { body: 'b', badge: 'unread' }, { inbox })
    expect(badgeOn(ios)).toBe(2)
    expect(android.shown.at(-1)?.push.payload).toMatchObject({ pw_badges: '1' })
  })

  test('of "unread" counts a campaign to a condition that is just being sent, too', async () => {
    const phones = await Promise.all([1, 2, 3].map(() => roost.phone('ios', { tags: { tier: 'gold' } })))
    await roost.sendAndSettle({
      to: { condition: { tag: 'tier', op: 'eq', value: 'gold' } },
      content: { body: 'a', badge: 'unread' },
      inbox: {},
    })
    expect(phones.map(badgeOn)).toEqual([1, 1, 1])
  })

  test('of "+1" counts only what was accepted', async () => {
    const [lost, kept] = [await roost.phone('ios'), await roost.phone('ios')]
    lost.uninstall()
    await sendTo([lost, kept], { body: 'a', badge: '+1' })
    const { rows } = await roost.server.db.query('select hwid, count from device_badge')
    expect(rows).toEqual([{ hwid: kept.hwid, count: 1 }])
  })
})

describe('a silent message', () => {
  const pushTo = ({ token }: Phone) => roost.simulator.waitForPush({ token: token as string })

  test('wakes the app by the rules of Apple and Google, shows nothing, and takes no place of a cap', async () => {
    await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { cap: { messages: 1, days: 1 } })
    const [ios, android] = await Promise.all([roost.phone('ios'), roost.phone('android')])
    const content = { silent: true, data: { sync: 'now' } } as const
    const { counts, rules, priority } = await sendTo([ios, android], content)
    expect(counts).toMatchObject({ targeted: 2, accepted: 2 })
    expect({ rules, priority }).toEqual({ rules: { kind: 'transactional' }, priority: 'normal' })
    expect(await pushTo(ios)).toMatchObject({
      headers: { 'apns-push-type': 'background', 'apns-priority': '5' },
      payload: { aps: { 'content-available': 1 }, u: '{"sync":"now"}' },
    })
    expect((await pushTo(android)).payload).toMatchObject({ silent: '1', u: '{"sync":"now"}' })
    expect([ios.shownCount, android.shownCount]).toEqual([0, 0])
    await sendTo([ios, android], { title: 'Hello' })
    expect([ios.shownCount, android.shownCount]).toEqual([1, 1])
  })

  test('with a cap of its own is held to that, and minds no quiet hours of the app', async () => {
    const hour = new Date(roost.clock.now()).getUTCHours()
    const clock = (hours: number) => `${String((hours + 24) % 24).padStart(2, '0')}:00`
    const quietHours = { from: clock(hour - 1), to: clock(hour + 2) }
    await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { quietHours, cap: null })
    const phone = await roost.phone('ios')
    const message = {
      to: { devices: [phone.hwid] },
      content: { silent: true as const, data: { sync: 'now' } },
      rules: { cap: { messages: 1, days: 1 } },
    }
    const counts = [await roost.sendAndSettle(message), await roost.sendAndSettle(message)].map(
      it => it.counts,
    )
    expect(counts).toMatchObject([
      { accepted: 1, skipped: 0 },
      { accepted: 0, skipped: 1 },
    ])
    await roost.rest('PATCH', `/v1/apps/${roost.app}/rules`, { quietHours: null })
  })

  test('is not sent to browsers, which take the permission away for it', async () => {
    const phone = await roost.phone('web')
    const { id, counts } = await sendTo([phone], { silent: true, data: { a: 1 } })
    expect(counts).toMatchObject({ accepted: 0, skipped: 1 })
    expect(await exceptionsOf(id)).toMatchObject([{ reason: 'silent_in_browsers' }])
  })

  test.each([
    ['a title', { title: 'x' }, 'content/title'],
    ['a sound of one gateway', { apns: { sound: 'ping' } }, 'content/apns/sound'],
    ['a notification in raw options', { fcm: { notification: { title: 'x' } } }, 'content/fcm/notification'],
    ['one below them', { hms: { android: { notification: {} } } }, 'content/hms/android/notification'],
    ['another push type', { apns: { pushType: 'alert' } }, 'content/apns/pushType'],
    ['an alert in raw options', { apns: { aps: { alert: 'x' } } }, 'background_has_more'],
  ])('is refused with %s', async (_what, more, place) => {
    const { status, body } = await post({ silent: true, ...more })
    expect(status).toBe(400)
    expect(body.detail).toContain(place)
  })
})
