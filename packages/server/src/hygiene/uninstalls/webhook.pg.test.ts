/** What webhooks are told of devices whose address died: that it died at once, and what became of them a day later. */
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Removal } from '@roost/protocol'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeCertificate } from '../../../../gateways/test/peer.ts'
import { startRoost, type TestRoost, tick } from '../../../test/roost.ts'
import { Seal } from '../../credentials/seal.ts'
import { deliverWithRemovals } from '../removal-webhooks.ts'
import { trackUninstalls } from './job.ts'

const SECRET = 'a secret that webhooks are sealed with'
const HOUR_MS = 3_600_000

let roost: TestRoost
let listener: Server
let ca: string
const received: Removal[] = []

beforeAll(async () => {
  const certificate = await makeCertificate()
  ca = certificate.cert
  listener = createServer(certificate, (request, response) => {
    let body = ''
    request.on('data', part => {
      body += part
    })
    request.on('end', () => {
      received.push(...(JSON.parse(body) as { data: { removals: Removal[] } }).data.removals)
      response.writeHead(204).end()
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  const environment = { ROOST_SECRET: SECRET, ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' }
  roost = await startRoost({ roles: ['api', 'send'], environment })
})
afterAll(async () => {
  await roost.close()
  listener.closeAllConnections()
  await new Promise(resolve => listener.close(resolve))
})

async function deliverUntil(count: number): Promise<void> {
  while (received.length < count) {
    const options = { db: roost.server.db, seal: new Seal(SECRET), allowPrivate: true, extraCa: ca }
    await deliverWithRemovals(options, roost.clock.now())
    await tick()
  }
}

test('R32: a webhook hears of a death at once, and a day later whether it was an uninstallation', async () => {
  const path = (rest: string) => `/v1/apps/${roost.app}/${rest}`
  const { port } = listener.address() as AddressInfo
  const url = `https://127.0.0.1:${port}/hook`
  expect((await roost.rest('POST', path('webhooks'), { url, events: ['base.removals'] })).status).toBe(201)
  await roost.rest('PUT', path('uninstall-tracking'), { enabled: true })
  const phone = await roost.phone('android')
  phone.uninstall()
  const { id } = await roost.sendAndSettle({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
  await deliverUntil(1)
  roost.clock.advance(25 * HOUR_MS)
  expect(received.map(it => it.event)).toEqual(['dead'])
  await trackUninstalls(roost.server.db, roost.clock.now())
  await deliverUntil(2)
  const { hwid } = phone
  expect(received).toMatchObject([
    { hwid, event: 'dead', reason: 'UNREGISTERED', messageId: id },
    {
      hwid,
      event: 'uninstalled',
      reason: 'UNREGISTERED',
      messageId: id,
      addressEnd: received[0]?.addressEnd,
    },
  ])
})
