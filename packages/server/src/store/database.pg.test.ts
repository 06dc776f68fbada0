/** Transactions, and the two repeats that PostgreSQL itself asks for. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { codeOf, Database, type Queryable, type Transaction } from './database.ts'

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url, maxConnections: 4 })
  await db.query('create table tally (id integer primary key, total integer not null)')
})
beforeEach(async () => {
  await db.query('truncate tally')
  await db.query('insert into tally values (1, 0), (2, 0)')
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

const add = (tx: Queryable, id: number) => tx.query('update tally set total = total + 1 where id = $1', [id])

async function totals(): Promise<number[]> {
  const { rows } = await db.query<{ total: number }>('select total from tally order by id')
  return rows.map(row => row.total)
}

/** Resolves when `size` callers have arrived; those of a second round pass at once. */
function meetingOf(size: number): () => Promise<void> {
  let open: () => void
  const met = new Promise<void>(resolve => {
    open = resolve
  })
  let arrived = 0
  return () => {
    if (++arrived >= size) open()
    return met
  }
}

test('two transactions that lock each other out are both done, at the cost of a repeat', async () => {
  const meet = meetingOf(2)
  let tries = 0
  const inOrder = (first: number, second: number) =>
    db.transaction(async tx => {
      tries++
      await add(tx, first)
      await meet()
      await add(tx, second)
    })
  await Promise.all([inOrder(1, 2), inOrder(2, 1)])
  expect(tries).toBeGreaterThan(2) // mostly 3; the repeat may run into the other one once more
  expect(await totals()).toEqual([2, 2])
})

test('two serializable transactions that read what the other writes are both done', async () => {
  const meet = meetingOf(2)
  let tries = 0
  const copy = (from: number, to: number) =>
    db.transaction(async tx => {
      tries++
      await tx.query('set transaction isolation level serializable')
      const { rows } = await tx.query<{ total: number }>('select total from tally where id = $1', [from])
      await meet()
      await tx.query('update tally set total = $2 where id = $1', [to, (rows[0]?.total ?? 0) + 1])
    })
  await Promise.all([copy(1, 2), copy(2, 1)])
  expect(tries).toBe(3)
  expect((await totals()).sort()).toEqual([1, 2]) // as if one had run after the other
})

test('what keeps colliding is given up after five tries', async () => {
  let tries = 0
  const colliding = db.transaction(async tx => {
    tries++
    await tx.query("do $$ begin raise exception 'again' using errcode = '40001'; end $$")
  })
  expect(codeOf(await colliding.catch((error: unknown) => error))).toBe('40001')
  expect(tries).toBe(5)
})

test('any other failure is not repeated, undoes everything and comes out as it was', async () => {
  let tries = 0
  const failing = db.transaction(async tx => {
    tries++
    await add(tx, 1)
    throw new Error('a fault of ours')
  })
  await expect(failing).rejects.toThrow('a fault of ours')
  expect(tries).toBe(1)
  expect(await totals()).toEqual([0, 0])
})

test('a connection that is cut inside a transaction fails it, and is replaced for the next one', async () => {
  const admin = new Database({ url: database.url, maxConnections: 1 })
  const cut = db.transaction(async tx => {
    await add(tx, 1)
    const { rows } = await tx.query<{ pid: number }>('select pg_backend_pid() as pid')
    await admin.query('select pg_terminate_backend($1)', [rows[0]?.pid])
    await add(tx, 2)
  })
  await expect(cut).rejects.toThrow(/terminat|connection/i)
  await db.transaction(tx => add(tx, 2))
  expect(await totals()).toEqual([0, 1])
  await admin.close()
})

test('counts arrive as numbers, times in the form of the API, and infinity as a word', async () => {
  const { rows } = await db.query(
    `select count(*) as count, timestamptz '2026-11-01 12:00:00+02' as time, 'infinity'::timestamptz as never,
            null::timestamptz as nothing from tally`,
  )
  expect(rows).toEqual([{ count: 2, time: '2026-11-01T10:00:00.000Z', never: 'infinity', nothing: null }])
})

test('a statement that takes too long is ended and undone, and its connection goes on', async () => {
  const hasty = new Database({ url: database.url, maxConnections: 1, statementTimeoutMs: 500 })
  const slow = hasty.transaction(async tx => {
    await add(tx, 1)
    await tx.query('select pg_sleep(600)')
  })
  await expect(slow).rejects.toMatchObject({ code: '57014' })
  expect((await hasty.query('select total from tally where id = 1')).rows).toEqual([{ total: 0 }])
  await hasty.close()
})

test('no statement is compiled, however the server is set: long conditions would take half a minute for it', async () => {
  const url = new URL(database.url)
  url.searchParams.set('options', '-c jit=on')
  const db = new Database({ url: url.href })
  try {
    const asked = { name: 'jit', text: "select current_setting('jit') as jit" }
    expect((await db.query(asked.text)).rows).toEqual([{ jit: 'off' }])
    expect((await db.once(asked, [])).rows).toEqual([{ jit: 'off' }])
  } finally {
    await db.close()
  }
})

test('a minute is the limit of a statement unless told otherwise', async () => {
  expect((await db.query('show statement_timeout')).rows).toEqual([{ statement_timeout: '1min' }])
})

test('a server that takes the connection and says nothing is given up', async () => {
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const waiting = new Database({ url: `postgres://x@127.0.0.1:${port}/x`, connectTimeoutMs: 50 })
  await expect(waiting.query('select 1')).rejects.toThrow(/timeout/)
  await waiting.close()
  silent.close()
})

test('a planned transaction is one: what it did is gone when it fails, and its statements are planned once a connection', async () => {
  const failing = db.plannedTransaction(async tx => {
    await add(tx, 1)
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  expect(await totals()).toEqual([0, 0])
  const kept = await db.plannedTransaction(async tx => {
    for (const id of [1, 2, 2]) await add(tx, id)
    const { rows } = await tx.query<{ calls: number }>(
      `select (generic_plans + custom_plans)::integer as calls from pg_prepared_statements
        where statement like 'update tally set total%'`,
    )
    return rows
  })
  expect(kept).toHaveLength(1)
  expect(kept[0]?.calls).toBeGreaterThanOrEqual(3)
  expect(await totals()).toEqual([1, 2])
})

test('what a transaction sends without asking is done with the rest of it', async () => {
  await db.transaction(async tx => {
    tx.send('update tally set total = 5 where id = $1', [1])
    await add(tx, 1)
    tx.send('update tally set total = 7 where id = $1', [2])
  })
  expect(await totals()).toEqual([6, 7])
})

test('what a transaction sends without asking fails it, with its own error, whatever comes after', async () => {
  const divide = (tx: Transaction) => tx.send('update tally set total = 1 / (id - 2)')
  const failing = [
    db.transaction(async tx => divide(tx)),
    db.transaction(async tx => {
      divide(tx)
      await add(tx, 1)
    }),
    db.transaction(async tx => {
      divide(tx)
      await add(tx, 1).catch(() => undefined)
    }),
  ]
  const errors = await Promise.allSettled(failing)
  expect(errors.map(it => it.status === 'rejected' && codeOf(it.reason))).toEqual(['22012', '22012', '22012'])
  expect(await totals()).toEqual([0, 0])
})

test('a transaction that asks nothing leaves as a whole: no answer is waited for before its commit', async () => {
  const { url, close } = await withholding('commit')
  const through = new Database({ url, maxConnections: 1 })
  await through.transaction(async tx => {
    tx.send('update tally set total = 1 where id = 1')
    tx.send('update tally set total = 2 where id = 2')
  })
  expect(await totals()).toEqual([1, 2])
  await through.close()
  await close()
})

/** On the way to the database: from the first "begin" on it keeps all answers back until it has seen `word`. */
async function withholding(word: string): Promise<{ readonly url: string; close(): Promise<void> }> {
  const there = new URL(database.url)
  const relay = createServer(client => {
    const server = connect(Number(there.port), there.hostname)
    let isHeld = false
    let kept: Buffer[] = []
    const give = () => {
      for (const it of kept) client.write(it)
      kept = []
    }
    client.on('data', (data: Buffer) => {
      if (data.includes('begin')) isHeld = true
      if (data.includes(word)) isHeld = false
      server.write(data)
      if (!isHeld) give()
    })
    server.on('data', (data: Buffer) => {
      kept.push(data)
      if (!isHeld) give()
    })
    for (const socket of [client, server]) socket.on('error', () => undefined)
    client.on('close', () => server.destroy())
    server.on('close', () => client.destroy())
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const url = new URL(database.url)
  url.hostname = '127.0.0.1'
  url.port = String((relay.address() as AddressInfo).port)
  return {
    url: url.href,
    close: () => new Promise(resolve => relay.close(() => resolve())),
  }
}

/** What is heard over NOTIFY until `last` comes: a session hears notices in the order of their commits. */
async function heardUntil(last: string, tell: () => Promise<void>): Promise<string[]> {
  const listener = new pg.Client({ connectionString: database.url })
  await listener.connect()
  await listener.query('listen roost_dispatch')
  const heard: string[] = []
  const isOver = new Promise<void>(resolve => {
    listener.on('notification', ({ payload = '' }) => (payload === last ? resolve() : heard.push(payload)))
  })
  await tell()
  await db.query('select pg_notify($1, $2)', ['roost_dispatch', last])
  await isOver
  await listener.end()
  return heard
}

test('what a transaction announces goes out by NOTIFY with its commit, and not without it', async () => {
  const heard = await heardUntil('last', async () => {
    await db.transaction(async tx => tx.announce('call'))
    await db.plannedTransaction(async tx => tx.announce('live'))
    const failing = db.transaction(async tx => {
      tx.announce('control')
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await db.announce('due')
  })
  expect(heard).toEqual(['call', 'live', 'due'])
})

test('who takes notices on their way gets each once, after the commit, and NOTIFY none', async () => {
  const taken: (readonly [string, Promise<number[]>])[] = []
  const own = new Database({
    url: database.url,
    publish: notice => taken.push([notice, totals()]), // asked over another connection
  })
  const heard = await heardUntil('last', async () => {
    await own.transaction(async tx => {
      tx.announce('live')
      await add(tx, 1)
      tx.announce('live')
    })
    const failing = own.plannedTransaction(async tx => {
      tx.announce('control')
      tx.send('select 1 / 0')
    })
    await expect(failing).rejects.toThrow('division by zero')
    await own.announce('due')
  })
  expect(heard).toEqual([])
  expect(taken.map(([notice]) => notice)).toEqual(['live', 'due'])
  expect(await Promise.all(taken.map(([, seen]) => seen))).toEqual([
    [1, 0],
    [1, 0],
  ])
  await own.close()
})
