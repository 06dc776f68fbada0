/** What a worker that died had in hand may have come to devices over their channel, though there is no row of it. */
import { expect, test } from 'vitest'
import { startRoost } from '../../test/roost.ts'

test('what may have been handed over before a crash is never said not to have been, when its device is away by then', async () => {
  const house = await startRoost({ roles: ['api'] })
  const { hwid } = await house.phone('ios')
  const send = () =>
    house.send({ to: { devices: [hwid] }, content: { title: 'Hello' }, route: 'online-only' })
  const [lost, fresh] = [await send(), await send()]
  await house.server.db.query('update batch set failures = 1 where message_id = $1', [lost])
  const server = await house.another({ roles: ['send'] })
  try {
    expect((await house.settle(lost)).counts).toMatchObject({ targeted: 1, uncertain: 1, skipped: 0 })
    expect((await house.settle(fresh)).counts).toMatchObject({ targeted: 1, uncertain: 0, skipped: 1 })
  } finally {
    await server.close()
    await house.close()
  }
})
