/** A server that is being started again when its end is asked for. */
import { EventEmitter, once } from 'node:events'
import type pg from 'pg'
import { expect, test } from 'vitest'
import { KeptServer } from './kept-server.ts'

test('what is being started again is given up when the end is asked for, and is told as no failure', async () => {
  const session = new EventEmitter()
  const kept = { owner: session as pg.Client, pid: 1 }
  const said: string[] = []
  const begun = new EventEmitter()
  const server = new KeptServer(kept, {
    again: async signal => {
      begun.emit('now')
      await once(signal, 'abort') // a recovery of minutes
      throw signal.reason
    },
    tell: says => said.push(says),
  })
  const isBegun = once(begun, 'now')
  session.emit('end')
  await isBegun
  expect(await server.letGo()).toBe(kept)
  expect(said).toEqual(['the embedded PostgreSQL has ended; starting it again'])
})
