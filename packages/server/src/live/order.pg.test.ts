/** The order in which a device gets what was made for it, whichever way that takes. */
import { expect, test } from 'vitest'
import { connectLive, type LiveDevice } from '../../test/live-client.ts'
import { startRoost } from '../../test/roost.ts'

test('what waits to be sent to a device comes before what is made after it', async () => {
  const house = await startRoost({ roles: ['api'] })
  const server = await house.another({ roles: ['api', 'send'], lookEveryMs: 3_600_000 }) // nobody looks who is not told
  let device: LiveDevice | undefined
  try {
    const { hwid } = await house.phone('ios')
    const { app, deviceToken } = house
    device = await connectLive(server.url, { app, deviceToken, hwid })
    const send = () =>
      house.send({ to: { devices: [hwid] }, content: { title: 'Hello' }, route: 'online-first' })
    const first = await send()
    device.say({ type: 'ack', seqs: [(await device.next('message')).seq] })
    await house.until(first, it => it.state === 'sending')
    await device.next('acked')
    await house.server.db.transaction(async tx => {
      const { rows } = await tx.query('delete from live_frame where message_id = $1 returning *', [first])
      await tx.query(
        `insert into live_frame (bucket, message_id, hwid, app_id, user_id, delivery_id, made_at, expires_at, server, notification)
         select f.bucket, f.message_id, f.hwid, f.app_id, f.user_id, f.delivery_id, f.made_at, f.expires_at, p.server, '{"hash": "h"}'
           from jsonb_populate_record(null::live_frame, $1) f join live_presence p on p.hwid = f.hwid`,
        [JSON.stringify(rows[0])],
      )
    })
    const second = await send()
    const order = [await device.next('message'), await device.next('message')].map(it => it.messageId)
    expect(order).toEqual([first, second])
  } finally {
    await device?.drop()
    await server.close()
    await house.close()
  }
})
