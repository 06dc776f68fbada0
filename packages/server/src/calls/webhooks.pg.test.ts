/** Calls as the webhook of a back end hears of them: over real HTTPS, signed, in the order in which they changed. */
import { createHmac } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { WebhookDelivery } from '@roost/protocol'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { makeCertificate } from '../../../gateways/test/peer.ts'
import { type CallHouse, callHouse } from '../../test/call.ts'
import { startRoost, type TestRoost, tick } from '../../test/roost.ts'

interface Heard {
  readonly headers: IncomingHttpHeaders
  readonly body: string
  readonly data: { readonly callId: string; readonly version: number }
}

let roost: TestRoost
let house: CallHouse
let listener: Server
let hook: { readonly id: string; readonly secret: string }
/** Every try, answered or not. */
const heard: Heard[] = []
let isAway = false

beforeAll(async () => {
  const certificate = await makeCertificate()
  listener = createServer(certificate, (request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const body = Buffer.concat(parts).toString()
      heard.push({ headers: request.headers, body, data: JSON.parse(body).data })
      if (isAway) request.socket.destroy()
      else response.writeHead(204).end()
    })
  })
  await new Promise<void>(resolve => listener.listen(0, '127.0.0.1', resolve))
  roost = await startRoost({
    environment: { ROOST_ALLOW_PRIVATE_ENDPOINTS: '1' },
    extraCa: certificate.cert,
  })
  house = callHouse(roost)
  const { port } = listener.address() as AddressInfo
  const made = await roost.rest<typeof hook>('POST', `/v1/apps/${roost.app}/webhooks`, {
    url: `https://127.0.0.1:${port}/calls`,
    events: ['call.changed'],
  })
  hook = made.body
})
beforeEach(() => {
  heard.length = 0
  isAway = false
})
afterAll(async () => {
  await roost.close()
  listener.closeAllConnections()
  await new Promise(resolve => listener.close(resolve))
})

const RING_MS = 30_000
const MINUTE_MS = 60_000

async function untilHeard(count: number): Promise<readonly Heard[]> {
  while (heard.length < count) await tick()
  return heard
}

async function deliveries(): Promise<WebhookDelivery[]> {
  const path = `/v1/apps/${roost.app}/webhooks/${hook.id}/deliveries`
  return (await roost.rest<{ deliveries: WebhookDelivery[] }>('GET', path)).body.deliveries
}

function expectSigned({ headers, body }: Heard): void {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
  const key = Buffer.from(hook.secret.replace(/^whsec_/, ''), 'base64')
  const signature = createHmac('sha256', key).update(signed).digest('base64')
  expect(headers['webhook-signature']).toBe(`v1,${signature}`)
}

test('each change of a call is told signed, in the order of its versions, though nobody listened at first; other calls do not wait', async () => {
  const people = ['bob', 'carol', 'dora'].map(it => house.person(it))
  const [bob, carol, dora] = people.map(it => it.userId)
  const [first, second] = await Promise.all(people.map(it => it.phone('android')))
  const { id } = await house.call({ callees: [bob, carol, dora] })
  const other = await house.call({ callees: [carol] })

  isAway = true
  await house.sayByDevice(String(first?.hwid), id, 'accept')
  await untilHeard(1)
  while ((await deliveries())[0]?.error == null) await tick() // it is booked, and has to wait a minute
  isAway = false
  await house.sayByDevice(String(second?.hwid), id, 'reject')
  await house.say(other.id, 'cancel')
  await untilHeard(2)
  expect(heard[1]?.data).toEqual({
    callId: other.id,
    version: 2,
    userId: carol,
    state: 'cancelled',
    by: null,
    callState: 'cancelled',
  })

  roost.clock.advance(MINUTE_MS + RING_MS)
  const told = (await untilHeard(5)).filter(it => it.data.callId === id)
  const ofCall = { callId: id }
  const accepted = { ...ofCall, version: 2, userId: bob, state: 'accepted', by: first?.hwid }
  expect(told.map(it => it.data)).toEqual([
    { ...accepted, callState: 'ringing' },
    { ...accepted, callState: 'ringing' },
    { ...ofCall, version: 3, userId: carol, state: 'rejected', by: second?.hwid, callState: 'ringing' },
    { ...ofCall, version: 4, userId: dora, state: 'timed_out', by: null, callState: 'accepted' },
  ])
  expect(told[0]?.headers['webhook-id']).toBe(told[1]?.headers['webhook-id'])
  for (const it of heard) expectSigned(it)
})

test('that a call begins to ring is told to nobody: its back end made it', async () => {
  const bob = house.person('bob')
  await bob.phone('android')
  const before = (await deliveries()).length
  const { id } = await house.call({ callees: [bob.userId] })
  await house.say(id, 'cancel')
  const [only] = await untilHeard(1)
  expect(only?.data).toMatchObject({ callId: id, version: 2, state: 'cancelled' })
  expect((await deliveries()).length).toBe(before + 1)
})
