/** What a phone makes of an answer that is lost, of a storage that is full, and of native parts that fail, on each bridge. */
import { describe, expect, test } from 'vitest'
import {
  inBridgeHouse,
  install,
  pushOf,
  road,
  send,
  started,
  until,
  untilPushed,
  view,
} from '../../test/bridge-house.ts'
import { KINDS } from '../../test/fake-app.ts'

inBridgeHouse()

describe.each(KINDS)('%s', kind => {
  test('who unsubscribes gets nothing, also when the answer to the first registration was lost', async () => {
    const app = install(kind)
    app.phone.isPermitted = true
    road.losesAnswers = true
    expect(await app.roost.start()).toMatchObject({ isSubscribed: false })
    expect((await view(app)).addresses).toMatchObject([{ state: 'active' }])
    road.losesAnswers = false
    expect(await app.roost.unsubscribe()).toMatchObject({ isSubscribed: false, isOptedOut: true })
    expect((await view(app)).addresses.every(({ state }) => state !== 'active')).toBe(true)
  })

  test('a registration whose answer was lost is told again at once', async () => {
    const app = install(kind)
    app.phone.isPermitted = true
    road.losesAnswers = true
    await app.roost.start()
    road.losesAnswers = false
    expect(await app.roost.start()).toMatchObject({ isSubscribed: true })
  })

  test('one that the server has never seen may be withdrawn, and subscribes again', async () => {
    const app = install(kind)
    app.phone.isPermitted = true
    road.cut()
    await app.roost.start()
    road.isUp = true
    expect(await app.roost.unsubscribe()).toMatchObject({ isSubscribed: false, isOptedOut: true })
    expect(await app.roost.subscribe()).toMatchObject({ isSubscribed: true, isOptedOut: false })
  })

  test('a storage that is full keeps no push from the screen, and no tap from the app', async () => {
    const app = await started(kind)
    app.phone.isFull = true
    const id = await send(app)
    await untilPushed(app, id)
    expect(app.shown).toHaveLength(app.platform === 'android' ? 1 : 0)
    app.tap(await pushOf(app, id))
    await until(() => app.openings.length === 1)
    expect(app.errors.map(it => it.message)).toContain('The storage is full')
  })

  test('native parts that fail keep neither a start nor a login from the server, and the app hears of it', async () => {
    const share = async () => {
      throw new Error('The keychain is locked')
    }
    const app = install(kind, { share })
    app.phone.isPermitted = true
    app.phone.isLocked = true
    expect(await app.roost.start()).toMatchObject({ isSubscribed: true })
    expect(await app.roost.setUser('anna')).toBe('sent')
    expect(await view(app)).toMatchObject({ userId: 'anna' })
    const failed = app.errors.map(it => it.message)
    expect(failed).toContain('The keychain is locked')
    // on React Native's Android the native module does it
    if (kind !== 'React Native on Android') expect(failed).toContain('The phone is locked')
  })
})
