/** A phone that was restored from the backup of another one: it has that one's storage as it was then, and another token. */
import { describe, expect, test } from 'vitest'
import {
  hwidOf,
  inBridgeHouse,
  install,
  logIn,
  pushOf,
  roost,
  send,
  started,
  view,
} from '../../test/bridge-house.ts'
import { KINDS } from '../../test/fake-app.ts'

inBridgeHouse()

describe.each(KINDS)('%s', kind => {
  test('R5: is reached and heard at once, however far the old phone had counted on since the backup', async () => {
    const old = await started(kind)
    const backup = new Map(old.phone.kept)
    for (let i = 0; i < 5; i++) await logIn(old)
    const restored = install(kind)
    restored.phone.isPermitted = true
    for (const [key, value] of backup) restored.phone.kept.set(key, value)
    await restored.roost.start()
    const userId = await logIn(restored)
    expect(await view(restored)).toMatchObject({ userId, addresses: expect.arrayContaining([ACTIVE]) })
    const id = await send(restored)
    expect(await pushOf(restored, id)).toBeDefined()
    await restored.roost.setUser(undefined)
    expect((await view(restored)).userId).toBeNull()
  })

  test('M: while both are used, each has a name of its own in the end, and both are reached', async () => {
    const old = await started(kind)
    const copy = install(kind)
    copy.phone.isPermitted = true
    for (const [key, value] of old.phone.kept) copy.phone.kept.set(key, value)
    const apps = [copy, old]
    for (let turn = 0; turn < 8; turn++) {
      roost.clock.advance(2 * 3_600_000)
      await apps[turn % 2]?.restart().start()
    }
    expect(await hwidOf(old)).not.toBe(await hwidOf(copy))
    for (const app of apps) expect(await pushOf(app, await send(app))).toBeDefined()
  })
})

const ACTIVE = expect.objectContaining({ state: 'active' }) as unknown
