/** What each test of the client gets: a raw peer, pools that point to it, and books that must balance at the end. */
import { test as base } from 'vitest'
import { ConnectionPool, type PoolOptions } from '../src/client/pool.ts'
import { Ledger } from './ledger.ts'
import { type RawPeer, startRawPeer } from './raw-peer.ts'

export interface ClientFixtures {
  /** Plain TCP. */
  readonly peer: RawPeer
  readonly ledger: Ledger
  /** One connection, and no second one within a test's time; `options` change that. */
  readonly openPool: (options?: Partial<PoolOptions>) => ConnectionPool
  readonly pool: ConnectionPool
}

/** Small, so that deadlines and liveness are seen soon; no assertion depends on how long anything takes. */
export const TICK_MS = 10

export const test = base.extend<ClientFixtures>({
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the parameter's pattern
  peer: async ({}, use) => {
    const peer = await startRawPeer()
    await use(peer)
    await peer.close()
  },
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads the parameter's pattern
  ledger: async ({}, use) => {
    const ledger = new Ledger()
    await use(ledger)
    ledger.verify()
  },
  // The ledger is named so that it is checked after the pools have ended everything.
  openPool: async ({ peer, ledger: _ }, use) => {
    const pools: ConnectionPool[] = []
    await use(options => {
      const pool = new ConnectionPool({
        origin: peer.origin,
        maxConnections: 1,
        tickMs: TICK_MS,
        reconnectMs: 60_000,
        random: () => 0,
        ...options,
      })
      pools.push(pool)
      return pool
    })
    for (const pool of pools) await pool.close(true)
  },
  pool: async ({ openPool }, use) => use(openPool()),
})
