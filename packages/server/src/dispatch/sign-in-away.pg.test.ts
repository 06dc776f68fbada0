/** A sign-in host that can't be reached is an outage like that of the gateway itself: what waits for it loses no try. */
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startRoost, type TestRoost } from '../../test/roost.ts'

let signIn: Server
let roost: TestRoost
beforeEach(async () => {
  signIn = createServer(socket => socket.destroy())
  await new Promise<void>(resolve => signIn.listen(0, '127.0.0.1', resolve))
  const { port } = signIn.address() as AddressInfo
  roost = await startRoost({ environment: { ROOST_GOOGLE_TOKEN_URL: `https://localhost:${port}/token` } })
})
afterEach(async () => {
  await roost.close()
  await new Promise(resolve => signIn.close(resolve))
})

test('it is told as such, and the delivery waits as for a gateway that is away', async () => {
  const phone = await roost.phone('android')
  const id = await roost.send({ to: { devices: [phone.hwid] }, content: { title: 'Hello' } })
  const waiting = await roost.until(id, message => message.retrying.length > 0)
  expect(waiting).toMatchObject({
    state: 'sending',
    waiting: 1,
    held: [],
    retrying: [{ gateway: 'fcm', reason: expect.stringMatching(/^token endpoint: /) }],
  })
  expect(roost.logged()).toContain('a gateway is not reached; deliveries wait')
  const { rows } = await roost.server.db.query('select attempt from delivery_queue where message_id = $1', [
    id,
  ])
  expect(rows).toEqual([{ attempt: 1 }])
  expect(await roost.view(phone.hwid)).toMatchObject({ addresses: [{ state: 'active' }] })
})
