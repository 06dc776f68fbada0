/** The demo as its users run it: it ends by itself, and its figures are those that were counted outside the server. */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const PROGRAM = fileURLToPath(new URL('../packages/server/bin/roost.js', import.meta.url))

interface Report {
  readonly agrees: boolean
  readonly registered: number
  readonly uninstalled: number
  readonly removed: number
  readonly cameBack: number
  readonly restored: number
  readonly sends: readonly {
    readonly database: Readonly<Record<string, number>>
    readonly simulator: Readonly<Record<string, number>>
  }[]
}

test('the figures of the demo come from the database and are those that the stand-ins counted', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    PROGRAM,
    'demo',
    '--exit',
    '--json',
    '--phones',
    '600',
  ])
  const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Report
  expect(report).toMatchObject({
    agrees: true,
    registered: 600,
    uninstalled: 30,
    removed: 30,
    cameBack: 12,
    restored: 12,
  })
  expect(report.sends.map(send => send.database.accepted)).toEqual([240, 570, 12])
  for (const { database, simulator } of report.sends) {
    expect(database.accepted).toBe(simulator.accepted)
    expect(database.dead).toBe(simulator.refused)
    expect(database.delivered).toBe(simulator.delivered)
    expect(database.targeted).toBe((database.accepted ?? 0) + (database.dead ?? 0))
  }
})
