/** Who loses the right to a channel loses the channel, on whichever server it is open. */
import { randomUUID } from 'node:crypto'
import type { ApiTokenView, DevicePresence } from '@roost/protocol'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { liveDevices } from '../../test/live-client.ts'
import { SERVER_TOKEN, startRoost, type TestRoost, tick } from '../../test/roost.ts'

let roost: TestRoost
beforeAll(async () => {
  roost = await startRoost()
})
afterAll(() => roost.close())

const opened = liveDevices()

interface Owner {
  readonly app: string
  readonly deviceToken: string
}

async function makeApp(): Promise<Owner> {
  const name = `app ${randomUUID()}`
  const { body } = await roost.rest<{ code: string; deviceToken: string }>('POST', '/v1/apps', { name })
  return { app: body.code, deviceToken: body.deviceToken }
}

/** Registered, and connected. */
async function connected({ app, deviceToken }: Owner, url = roost.url) {
  const hwid = `device-${randomUUID()}`
  await fetch(`${roost.url}/json/1.3/registerDevice`, {
    method: 'POST',
    headers: { authorization: `Token ${deviceToken}` },
    body: JSON.stringify({ request: { application: app, hwid, device_type: 1 } }),
  })
  const device = await opened.connect(url, { app, deviceToken, hwid })
  return { hwid, device }
}

async function tokensOf(app: string): Promise<readonly ApiTokenView[]> {
  return (await roost.rest<{ tokens: ApiTokenView[] }>('GET', `/v1/apps/${app}/tokens`)).body.tokens
}

describe('a channel is closed', () => {
  test('when its token is revoked, on every server; channels with another token of the app stay', async () => {
    const owner = await makeApp()
    const made = await roost.rest<{ token: string }>('POST', `/v1/apps/${owner.app}/tokens`, {
      kind: 'device',
      name: 'the next version',
    })
    const other = await roost.another({ roles: ['api'] })
    const [old, elsewhere] = [await connected(owner), await connected(owner, other.url)]
    const newer = await connected({ app: owner.app, deviceToken: made.body.token })
    const [first] = (await tokensOf(owner.app)).filter(it => it.name !== 'the next version')
    await fetch(`${roost.url}/v1/apps/${owner.app}/tokens/${first?.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${SERVER_TOKEN}` },
    })
    for (const { device } of [old, elsewhere]) {
      expect(await device.closed).toMatchObject({ code: 4002 })
      expect(device.frames.at(-1)).toMatchObject({ type: 'error', code: 'device_token_refused' })
    }
    await newer.device.settled()
    await other.close()
  })

  test('when its app is archived, and its device is offline then', async () => {
    const owner = await makeApp()
    const { hwid, device } = await connected(owner)
    await roost.rest('POST', `/v1/apps/${owner.app}/archive`)
    expect(await device.closed).toMatchObject({ code: 4002 })
    expect(device.frames.at(-1)).toMatchObject({ type: 'error', code: 'app_archived' })
    const path = `/v1/apps/${owner.app}/devices/${hwid}/presence`
    const presence = async () => (await roost.rest<DevicePresence>('GET', path)).body.state
    while ((await presence()) !== 'offline') await tick()
  })
})
