/** The making of a call: what it waits for, what gives way to it, and when it is refused. */
import { randomUUID } from 'node:crypto'
import { type NewCall, newCallSchema } from '@roost/protocol'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type CallHouse, callHouse } from '../../test/call.ts'
import { startRoost, type TestRoost } from '../../test/roost.ts'
import type { Database } from '../store/database.ts'
import { Calls } from './calls.ts'

let roost: TestRoost
let house: CallHouse
beforeAll(async () => {
  roost = await startRoost()
  house = callHouse(roost)
})
afterEach(() => house.hangUp())
afterAll(() => roost.close())

class RecordedWay {
  readonly ids: string[] = []
  isEnded = false

  isOf(id: string): void {
    this.ids.push(id)
  }

  end(): void {
    this.isEnded = true
  }
}

/** Makes a call beside the server, which then does what follows of it; returns the ways that were asked for. */
async function makeBeside(
  input: Partial<NewCall>,
  db = roost.server.db,
): Promise<{ id: string; ways: RecordedWay[] }> {
  const ways: RecordedWay[] = []
  const giveWay = () => {
    ways.push(new RecordedWay())
    return ways.at(-1)
  }
  const nothing = () => undefined
  const calls = new Calls({
    db,
    clock: roost.clock,
    giveWay,
    poke: nothing,
    tell: nothing,
    announce: nothing,
  })
  const { rows } = await roost.server.db.query<{ id: number }>('select id from app where code = $1', [
    roost.app,
  ])
  const { id } = await calls.create(
    Number(rows[0]?.id),
    newCallSchema.parse({ caller: { name: 'Anna' }, ...input }),
  )
  return { id, ways }
}

async function messagesOf(callId: string): Promise<string[]> {
  const { rows } = await roost.server.db.query<{ id: string }>('select id from message where call_id = $1', [
    callId,
  ])
  return rows.map(it => it.id)
}

test('campaigns give way to a call until each of its pushes has left, and to one without any until it was told', async () => {
  const bob = house.person('bob')
  await bob.iphone()
  await bob.phone('android')
  const pushed = await makeBeside({ callees: [bob.userId] })
  const messages = await messagesOf(pushed.id)
  expect(messages).toHaveLength(2) // one by PushKit, one for notifications
  expect(pushed.ways.flatMap(it => it.ids).sort()).toEqual(messages.sort())
  expect(pushed.ways.every(it => it.ids.length === 1 && !it.isEnded)).toBe(true)

  const carol = house.person('carol')
  const open = await carol.phone('android')
  await house.live({ hwid: open.hwid, userId: carol.userId })
  const told = await makeBeside({ callees: [carol.userId] })
  expect(await messagesOf(told.id)).toEqual([])
  expect(told.ways).toMatchObject([{ ids: [], isEnded: true }])

  const caller = { name: 'Bob', userId: bob.userId }
  await expect(makeBeside({ callees: [bob.userId], caller })).rejects.toMatchObject({ code: 'input_invalid' })
})

test('before the commit the database is waited for once, though devices ring by push', async () => {
  const [bob, carol] = [house.person('bob'), house.person('carol')]
  await bob.iphone()
  await carol.phone('web')
  const counted = countingWaits(roost.server.db)
  await makeBeside({ callees: [bob.userId, carol.userId] }, counted.db)
  expect(counted.waits).toBe(1)
})

/** Statements of planned transactions whose answers are waited for, the commit left out. */
function countingWaits(db: Database): { readonly db: Database; readonly waits: number } {
  let waits = 0
  const plannedTransaction: Database['plannedTransaction'] = work =>
    db.plannedTransaction(tx => {
      waits = 0 // a transaction may be repeated
      const query: typeof tx.query = (text, values) => {
        waits++
        return tx.query(text, values)
      }
      return work({ ...tx, query })
    })
  const counting = {
    plannedTransaction,
    queryPlanned: db.queryPlanned.bind(db),
  } as Partial<Database> as Database
  return {
    db: counting,
    get waits() {
      return waits
    },
  }
}

test('a call of an app that is archived meanwhile is refused, and nothing is left of it', async () => {
  const { body: app } = await roost.rest<{ code: string }>('POST', '/v1/apps', { name: 'Other' })
  const id = randomUUID()
  const make = () =>
    roost.rest('POST', `/v1/apps/${app.code}/calls`, { id, caller: { name: 'Anna' }, callees: ['bob'] })
  expect(await make()).toMatchObject({ body: { code: 'user_unknown' } }) // the app is known as one that serves
  const { db } = roost.server
  await db.query('update app set archived_at = now() where code = $1', [app.code])
  expect(await make()).toMatchObject({ status: 409, body: { code: 'app_archived' } })
  expect((await db.query('select from call where id = $1', [id])).rowCount).toBe(0)
})
