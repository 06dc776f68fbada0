/** What an app has beside its pushes, on each bridge: the live channel, calls, the inbox, a look at itself. */
import { describe, expect, test } from 'vitest'
import { BUNDLE_ID } from '../../../server/test/roost.ts'
import {
  hashOf,
  hwidOf,
  inBridgeHouse,
  install,
  logIn,
  path,
  pushOf,
  ring,
  road,
  roost,
  send,
  started,
  until,
  untilCounted,
  untilPresent,
  untilPushed,
  untilView,
  view,
} from '../../test/bridge-house.ts'
import { KINDS } from '../../test/fake-app.ts'
import { fakeVoip } from '../../test/fake-voip.ts'
import type { Call } from '../core/calls.ts'
import { voipTokens } from '../react-native/voip.ts'

inBridgeHouse()

describe.each(KINDS)('%s', kind => {
  test('the app is in front: a message comes over the channel, and its push shows nothing more', async () => {
    const app = await started(kind, { isLive: true })
    await untilPresent(app, 'online')
    const id = await send(app, { route: 'both' })
    await Promise.all([untilPushed(app, id), pushOf(app, id)])
    await untilCounted(id, { delivered: 1 })
    const last = await send(app, { route: 'online-only' })
    await untilPushed(app, last)
    expect(app.pushes.map(({ hash }) => hash)).toEqual([hashOf(id), hashOf(last)])
  })

  test('an app that says that nobody is logged in, where nobody was, hears on by the channel', async () => {
    const app = await started(kind, { isLive: true })
    await untilPresent(app, 'online')
    for (let i = 0; i < 2; i++) expect(await app.roost.setUser(undefined)).toBe('sent')
    while (app.pushes.length === 0) await send(app, { route: 'online-only' }) // some of them while it connects anew
  })

  test('the app goes behind and comes back: presence follows', async () => {
    const app = await started(kind, { isLive: true })
    await untilPresent(app, 'online')
    app.phone.comeToFront(false)
    await untilPresent(app, 'background')
    app.phone.comeToFront(true)
    await untilPresent(app, 'online')
  })

  test('a call rings over the channel, and stops when another device has answered', async () => {
    const calls: Call[] = []
    const app = await started(kind, { isLive: true, onCall: call => calls.push(call) })
    const userId = await logIn(app)
    await untilPresent(app, 'online')
    const id = await ring(userId)
    await until(() => calls.some(it => it.id === id && it.state === 'ringing'))
    expect(await roost.rest('POST', path(`calls/${id}/accept`), { userId })).toMatchObject({ status: 200 })
    await until(() => calls.some(it => it.id === id && it.state === 'answered_elsewhere'))
    expect(await app.roost.answerCall(id, 'accept')).toBe('over')
  })

  test('a call that comes by push rings the app that runs, and its answer wins', async () => {
    const calls: Call[] = []
    const app = await started(kind, { onCall: call => calls.push(call) })
    const id = await ring(await logIn(app))
    await until(() => calls.some(it => it.id === id && it.state === 'ringing'))
    expect(await app.roost.answerCall(id, 'accept')).toBe('taken')
    // no channel and no push tells the device that has answered
    expect(calls.map(it => it.state)).toEqual(['ringing', 'accepted'])
    const { body } = await roost.rest<{ state: string }>('GET', path(`calls/${id}`))
    expect(body.state).toBe('accepted')
    expect(app.pushes).toEqual([])
  })

  test.each([false, true])('R25: what rings for one who logs out stops (live: %s)', async isLive => {
    const calls: Call[] = []
    const app = await started(kind, { isLive, onCall: call => calls.push(call) })
    const userId = await logIn(app)
    if (isLive) await untilPresent(app, 'online')
    await ring(userId)
    await until(() => calls.some(it => it.state === 'ringing'))
    await app.roost.setUser(undefined)
    expect(calls.map(it => it.state)).toEqual(['ringing', 'cancelled'])
  })

  test('R25: an app that can’t cope with the end of a call answers and logs out all the same, and hears of it', async () => {
    const calls: Call[] = []
    const onCall = (call: Call) => {
      calls.push(call)
      if (call.state !== 'ringing') throw new Error('The app can’t')
    }
    const app = await started(kind, { onCall })
    const userId = await logIn(app)
    const first = await ring(userId)
    await until(() => calls.length === 1)
    expect(await app.roost.answerCall(first, 'reject')).toBe('taken')
    await ring(userId)
    await until(() => calls.length === 3)
    expect(await app.roost.setUser(undefined)).toBe('sent')
    expect(await view(app)).toMatchObject({ userId: null })
    expect(calls.map(it => it.state)).toEqual(['ringing', 'rejected', 'ringing', 'cancelled'])
    expect(app.errors.map(it => it.message)).toEqual(['The app can’t', 'The app can’t'])
  })

  test('R25: what rings for one whom the back end has named stops when the app first says that nobody is here', async () => {
    const calls: Call[] = []
    const app = await started(kind, { onCall: call => calls.push(call) })
    const userId = `user-${await hwidOf(app)}`
    const of = path(`devices/${await hwidOf(app)}`)
    expect(await roost.rest('PATCH', of, { userId })).toMatchObject({ status: 200 })
    await ring(userId)
    await until(() => calls.some(it => it.state === 'ringing'))
    await app.roost.setUser(undefined)
    expect(calls.map(it => it.state)).toEqual(['ringing', 'cancelled'])
  })

  test('when somebody else logs in, what is on the screen goes, and the native parts know who it is', async () => {
    const told: (string | undefined)[] = []
    const app = await started(kind, { share: async ({ userId }) => void told.push(userId) })
    await app.roost.setUser('anna')
    await app.roost.setUser('anna')
    await app.roost.setUser(undefined)
    expect(told).toEqual([undefined, 'anna', 'anna', ''])
    // on React Native's Android the native module does it
    expect(app.phone.cleared).toBe(kind === 'React Native on Android' ? 0 : 2)
  })

  test('R25: what is on its way to the screen when somebody else logs in is not handed to the app', async () => {
    const app = install(kind, {
      isLive: true,
      show: async () => {
        await app.roost.setUser('bob')
      },
    })
    app.phone.isPermitted = true
    await app.roost.start()
    const userId = await logIn(app)
    await untilPresent(app, 'online')
    await send(app, { to: { users: [userId] }, route: 'online-only' })
    await untilView(app, it => it.userId === 'bob')
    const id = await send(app)
    await untilPushed(app, id)
    expect(app.pushes.map(it => it.hash)).toEqual([hashOf(id)])
  })

  test('the icon counts what is unread in the inbox', async () => {
    const app = await started(kind, { unreadBadge: true })
    await send(app, { inbox: { until: new Date(roost.clock.now() + 3 * 24 * 3_600_000).toISOString() } })
    let unread = 0
    while (unread === 0) ({ unread } = await app.roost.inbox())
    const { entries } = await app.roost.inbox()
    expect(entries).toMatchObject([{ title: 'Hello', state: 'new' }])
    expect(app.phone.badge).toBe(kind === 'React Native on Android' ? 0 : 1)
    expect(await app.roost.markInbox(entries[0]?.id ?? '', 'read')).toBe('sent')
    expect(app.phone.badge).toBe(0)
  })

  test('a badge of "+1" counts on from what the app has set', async () => {
    const app = await started(kind)
    expect(await app.roost.setBadge(4)).toBe('sent')
    expect(app.phone.badge).toBe(kind === 'React Native on Android' ? 0 : 4)
    const id = await send(app, { content: { title: 'One more', badge: '+1' } })
    const { payload } = await pushOf(app, id)
    const { aps, pw_badges } = payload as { aps?: { badge: number }; pw_badges?: string }
    expect(Number(aps?.badge ?? pw_badges)).toBe(5)
  })

  test('it looks at itself, and the server adds what it finds', async () => {
    const app = await started(kind)
    const { findings } = await app.roost.selfCheck()
    const good = findings.filter(it => it.verdict === 'good').map(({ code }) => code)
    // whether the clock is right is as well told, of a phone that is stopped for long in between
    expect(good.filter(code => code !== 'clock_right')).toEqual([
      'storage_writable',
      'permission_granted',
      'server_reached',
      'device_registered',
    ])
    app.phone.isPermitted = false
    road.cut()
    const away = await app.roost.selfCheck()
    expect(away.findings.filter(it => it.verdict === 'bad').map(({ code }) => code)).toEqual([
      'permission_denied',
      'server_unreachable',
    ])
  })

  test('the system gives no token: the server is told why', async () => {
    const app = install(kind)
    app.phone.isPermitted = true
    app.phone.tokenError = 'no valid aps-environment'
    expect(await app.roost.start()).toMatchObject({ isSubscribed: false })
    const { body } = await roost.rest('GET', path(`devices/${await hwidOf(app)}`))
    expect(JSON.stringify(body)).toContain('no valid aps-environment')
  })
})

test.each([true, false])(
  'a token of PushKit is registered beside the other, and calls go to it (early: %s)',
  async isEarly => {
    const token = roost.simulator.apns.issueToken({ bundleId: BUNDLE_ID, kind: 'voip' })
    const app = await started('React Native on iOS', { voip: voipTokens(fakeVoip(token, { isEarly })) })
    await untilView(app, ({ addresses }) => addresses.length === 2)
    expect((await view(app)).addresses.map(({ state }) => state)).toEqual(['active', 'active'])
    await ring(await logIn(app))
    expect(await roost.simulator.waitForPush({ token })).toMatchObject({
      headers: { 'apns-push-type': 'voip' },
    })
  },
)
