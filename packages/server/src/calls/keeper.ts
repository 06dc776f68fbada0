/**
 * What has to happen to calls when nobody says anything: rings that an open app did not confirm are pushed, and calls whose time is over end,
 * with what was missed. The times stand in the database, so whichever process lives does it, once.
 */
import { announceJob } from '../jobs/runner.ts'
import type { Database } from '../store/database.ts'
import { followChanges, toldOf } from './calls.ts'
import { takeUnheard } from './legs.ts'
import { ringByPush, unlessRefused } from './pushes.ts'
import { step } from './state.ts'
import { lockOverdue, lockUnheard } from './store.ts'

/** One of them; false when there was nothing to do. Any number of processes may run it at once. */
export async function keepNextCall(db: Database, at: number): Promise<boolean> {
  if (await endOverdue(db, at)) {
    await announceJob(db, 'webhook-delivery').catch(() => undefined) // it comes within a minute all the same
    return true
  }
  return pushUnheard(db, at)
}

async function endOverdue(db: Database, at: number): Promise<boolean> {
  return db.transaction(async tx => {
    const call = await lockOverdue(tx, at)
    if (call === undefined) return false
    await followChanges(tx, call, { step: step(call, { kind: 'tick' }, at), at })
    return true
  })
}

async function pushUnheard(db: Database, at: number): Promise<boolean> {
  return db.transaction(async tx => {
    const call = await lockUnheard(tx, at)
    if (call === undefined) return false
    const legs = await takeUnheard(tx, call, at)
    if (at >= call.ringUntil) return true
    for (const { userId, state } of call.callees) {
      const devices = legs.flatMap(({ hwid, road, gateway, ...it }) =>
        it.userId === userId && road !== null && gateway !== null ? [{ hwid, road, gateway }] : [],
      )
      if (state !== 'ringing' || devices.length === 0) continue
      await ringByPush(tx, { appId: call.appId, call: toldOf(call, { userId, state }), devices, at }).catch(
        unlessRefused,
      )
    }
    return true
  })
}
