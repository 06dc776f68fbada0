/** Each bridge through the life of an app: the whole server, the simulator's gateways, and its library's published interface in between. */
import { describe, expect, test } from 'vitest'
import {
  content,
  countsOf,
  hashOf,
  inBridgeHouse,
  install,
  ledgerOf,
  path,
  pushOf,
  road,
  roost,
  send,
  started,
  until,
  untilCounted,
  untilPushed,
  untilView,
  view,
} from '../../test/bridge-house.ts'
import { KINDS } from '../../test/fake-app.ts'
import { urlOf } from '../../test/fake-firebase.ts'

inBridgeHouse()

describe.each(KINDS)('%s', kind => {
  test('a start registers the token that the system gives then, and what the person allows (R31)', async () => {
    const app = install(kind)
    app.phone.isPermitted = true
    const status = await app.roost.start()
    expect(status).toMatchObject({ permission: 'granted', isSubscribed: true, isOptedOut: false })
    expect((await view(app)).addresses).toMatchObject([{ state: 'active' }])
    await untilCounted(await send(app), { accepted: 1 })
  })

  test('before `start()` the server hears nothing of the device', async () => {
    const app = install(kind, { isLive: true })
    app.phone.isPermitted = true
    app.phone.token()
    app.phone.renewToken()
    app.phone.comeToFront(false)
    app.phone.comeToFront(true)
    const { hwid } = await app.roost.start()
    const { body } = await roost.rest<{ entries: unknown[] }>('GET', path(`devices/${hwid}/ledger`))
    expect(body.entries).toHaveLength(1)
  })

  test('a token that the system renews takes the place of the old one at once (R2)', async () => {
    const app = await started(kind)
    const old = app.phone.token()
    app.phone.renewToken()
    await untilView(app, ({ addresses }) => addresses.some(({ state }) => state !== 'active'))
    const id = await send(app)
    await untilCounted(id, { accepted: 1 })
    expect(roost.simulator.pushes({ token: old })).toEqual([])
    expect(await pushOf(app, id)).toBeDefined()
  })

  test('a start within the hour tells nothing again, unless something has changed (R0b)', async () => {
    const app = await started(kind)
    const { body: before } = await ledgerOf(app)
    await app.restart().start()
    expect((await ledgerOf(app)).body).toEqual(before)
    roost.clock.advance(61 * 60_000)
    await app.restart().start()
    expect((await view(app)).addresses).toHaveLength(1)
  })

  test('what comes is told once, with its words and data, and counted as delivered and opened', async () => {
    const app = await started(kind)
    const id = await send(app)
    await untilPushed(app, id)
    const [push] = app.pushes
    expect(push).toMatchObject({ title: 'Hello', body: 'It is you', url: content.url, data: { room: 7 } })
    await untilCounted(id, { delivered: 1 })
    const carried = await pushOf(app, id)
    app.phone.onPush?.(carried) // a gateway may bring it twice
    app.tap(carried)
    await until(() => app.openings.length === 1)
    expect(app.openings[0]).toMatchObject({ action: undefined, url: content.url })
    expect(await untilCounted(id, { opened: 1 })).toMatchObject({ delivered: 1 })
    expect(app.pushes).toHaveLength(1)
    // iOS has shown it itself; on Android the app does
    expect(app.shown).toHaveLength(app.platform === 'ios' ? 0 : 1)
  })

  test('in front the app chooses what becomes of a push, and the message may choose otherwise', async () => {
    const app = await started(kind, { foreground: 'event' })
    const quiet = { ...content, data: { roost_foreground: 'silent' } }
    const silent = await send(app, { content: quiet })
    await untilCounted(silent, { delivered: 1 })
    const event = await send(app)
    await untilPushed(app, event)
    expect(app.pushes.map(({ hash }) => hash)).toEqual([hashOf(event)])
    expect(app.shown).toEqual([])
  })

  test('behind, Android has the app show what comes; iOS shows it, and the app hears of the tap', async () => {
    const app = await started(kind, { foreground: 'silent' })
    app.phone.comeToFront(false)
    const id = await send(app)
    const carried = await pushOf(app, id)
    if (app.platform === 'android') {
      await untilCounted(id, { delivered: 1 })
      expect(app.shown).toMatchObject([{ title: 'Hello' }])
    }
    app.tap(carried)
    await untilCounted(id, { delivered: 1, opened: 1 })
    expect(app.openings).toHaveLength(1)
  })

  test('a button leads where it says', async () => {
    const app = await started(kind)
    const buttons = [{ title: 'Yes', url: 'https://example.org/yes' }, { title: 'No' }]
    const id = await send(app, { content: { ...content, buttons } })
    app.tap(await pushOf(app, id), '0')
    await until(() => app.openings.length === 1)
    // on iOS buttons are of the app's own categories, and their names are what the app gave them
    const url = app.platform === 'android' ? 'https://example.org/yes' : content.url
    expect(app.openings[0]).toMatchObject({ action: '0', url })
  })

  test('the person takes the permission away in the settings: the server hears of it when the app is in front again (R26)', async () => {
    const app = await started(kind)
    app.phone.comeToFront(false)
    app.phone.isPermitted = false
    app.phone.comeToFront(true)
    await until(() => app.statuses.at(-1)?.permission === 'denied')
    await untilCounted(await send(app), { skipped: 1 })
    expect((await view(app)).addresses).toMatchObject([{ state: 'active' }])
  })

  test('who unsubscribes gets nothing, through every start, until they subscribe again', async () => {
    const app = await started(kind)
    await app.roost.unsubscribe()
    const again = await app.restart().start()
    expect(again).toMatchObject({ isSubscribed: false, isOptedOut: true })
    expect((await view(app)).addresses.every(({ state }) => state !== 'active')).toBe(true)
    expect(await app.roost.subscribe()).toMatchObject({ isSubscribed: true, isOptedOut: false })
    await untilCounted(await send(app), { accepted: 1 })
  })

  test('without a network a start succeeds, and tags and receipts go out when there is one', async () => {
    const app = await started(kind)
    const id = await send(app)
    await pushOf(app, id)
    road.cut()
    const before = await send(app)
    await untilPushed(app, before)
    expect(await app.restart().start()).toMatchObject({ isOptedOut: false })
    expect(await app.roost.setTags({ city: 'Bern' })).toBe('kept')
    road.isUp = true
    await app.restart().start()
    expect((await view(app)).tags).toMatchObject({ city: 'Bern' })
    await untilCounted(before, { delivered: 1 })
  })

  test('R25: a push for the one before is dropped, also when the logout had no network', async () => {
    const app = await started(kind)
    await app.roost.setUser('anna')
    road.cut()
    expect(await app.roost.setUser('berta')).toBe('kept')
    const id = await send(app, { to: { users: ['anna'] } })
    const carried = await pushOf(app, id)
    app.tap(carried)
    road.isUp = true
    const own = app.restart()
    await own.start()
    expect(await view(app)).toMatchObject({ userId: 'berta' })
    const last = await send(app, { to: { users: ['berta'] } })
    await untilPushed(app, last)
    expect(app.pushes.map(({ hash }) => hash)).toEqual([hashOf(last)])
    expect(app.openings).toEqual([])
    expect(await countsOf(id)).toMatchObject({ delivered: 0, opened: 0 })
  })
})

test('the tap that has started the app on Android opens it once', async () => {
  const app = await started('React Native on Android')
  const { payload = {} } = await pushOf(app, await send(app))
  app.phone.launchUrl = urlOf(payload)
  await app.restart().start()
  expect(app.openings).toMatchObject([{ url: content.url, push: { title: 'Hello' } }])
})
