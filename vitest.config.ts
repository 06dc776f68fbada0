/**
 * Test projects by what a test needs, told by its suffix:
 * `x.test.ts` nothing outside the process (loopback sockets count as inside),
 * `x.pg.test.ts` a real PostgreSQL, `x.e2e.test.ts` a built tree, whole processes and real browsers.
 */
import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

const resolve = { conditions: ['source'] }
const ssr = { resolve: { conditions: ['source'] } }
/** How long a state is waited for is no assertion: a machine that is busy takes longer, and the default is one second. */
const expectWithin = (timeout: number) => ({ poll: { timeout } })
const exclude = ['**/node_modules/**', '**/dist/**']

export default defineConfig({
  test: {
    // the default leaves one core free, which of two is half of them
    maxWorkers: Math.min(4, availableParallelism()),
    projects: [
      {
        resolve,
        ssr,
        test: {
          name: 'unit',
          include: ['packages/*/src/**/*.test.ts'],
          exclude: [...exclude, '**/*.pg.test.ts'],
          // many of them hand-shake over TLS with stand-ins; on a machine with other work that takes more than the default 5 s
          testTimeout: 60_000,
          hookTimeout: 60_000,
          expect: expectWithin(45_000),
        },
      },
      {
        resolve,
        ssr,
        test: {
          name: 'pg',
          include: ['packages/*/src/**/*.pg.test.ts'],
          exclude,
          globalSetup: ['packages/server/test/postgres.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          expect: expectWithin(45_000),
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.e2e.test.ts'],
          exclude,
          testTimeout: 180_000,
          hookTimeout: 180_000,
          // alone on the machine: they start many processes
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})
