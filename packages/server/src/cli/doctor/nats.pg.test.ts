/** What the doctor sees of NATS and of a server that uses it: each of them broken for real. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startBare } from '../../../test/bare.ts'
import { hasNats, NATS_PASSWORD, NATS_USER, startNats, type TestNats } from '../../../test/nats.ts'
import { tick } from '../../../test/roost.ts'
import { examine } from './doctor.ts'
import type { Told } from './finding.ts'

describe.skipIf(!hasNats)('of NATS (Debian package nats-server)', () => {
  let folder: string
  let nats: TestNats
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'roost-doctor-'))
    nats = await startNats()
  })
  afterEach(async () => {
    await nats.close()
    await rm(folder, { recursive: true })
  })

  const examined = (ROOST_NATS_URL: string, url = 'http://127.0.0.1:9') =>
    examine({ environment: { ROOST_DATA_DIR: folder, ROOST_NATS_URL }, url, isOffline: true })
  const of = (told: readonly Told[], subject: string) => told.filter(it => it.subject === subject)

  test('it tells that a server lets us in; one of several that does not is a warning, the only one is wrong', async () => {
    const other = await startNats()
    const both = `${nats.url},nats://${other.server}`
    expect(of(await examined(both), nats.server)).toMatchObject([{ area: 'NATS', state: 'ok' }])
    await other.kill()
    const told = await examined(both)
    expect(of(told, nats.server)).toMatchObject([{ state: 'ok' }])
    expect(of(told, other.server)).toMatchObject([{ state: 'warning' }])
    await nats.kill()
    expect(of(await examined(nats.url), nats.server)).toMatchObject([
      {
        state: 'wrong',
        says: expect.stringContaining("can't be used"),
        remedy: expect.stringContaining('Start it'),
      },
    ])
    await other.close()
  })

  test('it tells a login that is refused, and a right that is missing, and no password', async () => {
    const stranger = await examined(nats.url.replace(NATS_USER, 'stranger'))
    expect(of(stranger, nats.server)).toMatchObject([
      { state: 'wrong', remedy: expect.stringContaining('user and password') },
    ])
    expect(JSON.stringify(stranger)).not.toContain(NATS_PASSWORD)
    await nats.kill()
    await nats.start(
      `authorization { users: [{ user: "${NATS_USER}", password: "${NATS_PASSWORD}", permissions: { publish: "orders" } }] }`,
    )
    expect(of(await examined(nats.url), nats.server)).toMatchObject([
      { state: 'wrong', remedy: expect.stringContaining('"roost.>"') },
    ])
  })

  test('it asks the running server whether it is connected', async () => {
    const bare = await startBare({ environment: { ROOST_NATS_URL: nats.url } })
    const isNats = async (state: string) => {
      const answer = await fetch(`${bare.url}/readyz`)
      return ((await answer.json()) as { nats: string }).nats === state
    }
    while (!(await isNats('connected'))) await tick()
    expect(of(await examined(nats.url, bare.url), 'server')).toMatchObject([{ state: 'ok' }])
    await nats.kill()
    while (!(await isNats('away'))) await tick()
    expect(of(await examined(nats.url, bare.url), 'server')).toMatchObject([
      { state: 'ok' },
      { state: 'warning', says: expect.stringContaining('not connected to NATS') },
    ])
    await bare.close()
  })
})
