/** Notices over a real NATS: who hears what, and that nobody waits for a NATS that is away. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { makeCertificate } from '../../../gateways/test/peer.ts'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { hasNats, NATS_PASSWORD, NATS_USER, startNats, type TestNats } from '../../test/nats.ts'
import { tick } from '../../test/roost.ts'
import { Database } from './database.ts'
import { readNatsPlace } from './nats-place.ts'
import type { Notice } from './notices.ts'
import { NatsNotices } from './notices-nats.ts'

interface Process {
  readonly nats: NatsNotices
  readonly db: Database
  readonly heard: Notice[]
  readonly log: { readonly level: number; readonly msg: string; readonly reason?: string }[]
  close(): Promise<void>
}

let databases: readonly TestDatabase[]
beforeAll(async () => {
  databases = await Promise.all([cloneDatabase(), cloneDatabase()])
  for (const { url } of databases) {
    const db = new Database({ url })
    await db.query('insert into secret_canary (sealed) values (gen_random_uuid()::text::bytea)')
    await db.close()
  }
})
afterAll(() => Promise.all(databases.map(it => it.drop())))

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** As a server or a command of Roost has it. */
async function startProcess(url: string, of = 0, extraCa?: string): Promise<Process> {
  const log: Process['log'] = []
  const logger = pino({ level: 'trace' }, { write: line => log.push(JSON.parse(line)) })
  const nats = new NatsNotices({ place: readNatsPlace(url), extraCa, logger })
  const db = new Database({ url: databases[of]?.url ?? '', publish: notice => nats.publish(notice) })
  const heard: Notice[] = []
  await nats.start(db, notice => heard.push(notice))
  const close = async () => {
    await nats.close()
    await db.close()
  }
  closers.push(close)
  return { nats, db, heard, log, close }
}

/** Whatever its start has waited for. */
async function startConnected(url: string, of = 0): Promise<Process> {
  const it = await startProcess(url, of)
  await until(() => it.nats.isConnected)
  it.heard.splice(0) // what it is told when it is connected
  return it
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await tick()
}

describe.skipIf(!hasNats)('over NATS (Debian package nats-server)', () => {
  let nats: TestNats
  beforeEach(async () => {
    nats = await startNats()
    closers.push(nats.close)
  })

  test('a notice reaches the processes of its database after the commit, and those of no other', async () => {
    const [one, two] = await Promise.all([startConnected(nats.url), startConnected(nats.url)])
    const [other, beside] = await Promise.all([startConnected(nats.url, 1), startConnected(nats.url, 1)])
    await one.db.query('create table seen (it integer)')
    await one.db.transaction(async tx => {
      tx.announce('live')
      await tx.query('insert into seen values (1)')
    })
    await until(() => two.heard.includes('live'))
    expect((await two.db.query('select from seen')).rowCount).toBe(1)
    const failing = one.db.transaction(async tx => {
      tx.announce('call')
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    await one.db.announce('unread')
    await until(() => two.heard.includes('unread'))
    expect(one.heard.filter(it => it !== 'due')).toEqual(['live', 'unread'])
    expect(two.heard.filter(it => it !== 'due')).toEqual(['live', 'unread'])
    await beside.db.announce('access') // it comes behind what would have come before
    await until(() => other.heard.includes('access'))
    expect(other.heard.filter(it => it !== 'due')).toEqual(['access'])
  })

  test('who is away is told once why, hears its own notices, and is connected by itself when NATS is back', async () => {
    const [one, two] = await Promise.all([startConnected(nats.url), startConnected(nats.url)])
    await nats.kill()
    await until(() => !one.nats.isConnected && !two.nats.isConnected)
    one.heard.splice(0)
    await one.db.announce('live')
    expect(one.heard).toEqual(['live'])
    await nats.start()
    await until(() => one.nats.isConnected && two.nats.isConnected)
    two.heard.splice(0)
    await one.db.announce('call')
    await until(() => two.heard.includes('call'))
    expect(one.heard).toEqual(expect.arrayContaining(['control', 'access']))
    expect(two.heard).not.toContain('live')
    expect(one.log.at(-1)?.msg).toContain('over it again')
    const reasons = one.log.filter(it => it.level === 40).map(it => it.reason)
    expect(reasons.filter((it, index) => it === reasons[index - 1])).toEqual([])
    expect(reasons).not.toEqual([])
  })

  test('of several servers any that is there will do', async () => {
    const other = await startNats()
    closers.push(other.close)
    await other.kill()
    const one = await startConnected(`nats://${other.server},${nats.url}`)
    await other.start()
    await nats.kill()
    await until(() => one.log.at(-1)?.msg.includes('over it again') ?? false)
  })

  test('a start without NATS goes on with a warning that names no password', async () => {
    await nats.kill()
    const one = await startProcess(nats.url)
    expect(one.nats.isConnected).toBe(false)
    await until(() => one.log.length > 0)
    expect(one.log[0]).toMatchObject({ level: 40, servers: [nats.server] })
    await nats.start()
    await until(() => one.nats.isConnected)
    expect(JSON.stringify(one.log)).not.toContain(NATS_PASSWORD)
  })

  test('a wrong password is told, and the right one helps without a start', async () => {
    const wrong = await startProcess(nats.url.replace(NATS_USER, 'else'))
    expect(wrong.nats.isConnected).toBe(false)
    await until(() => wrong.log.some(it => /authorization/i.test(it.reason ?? '')))
    await nats.kill()
    await nats.start(`authorization { user: "else", password: "${NATS_PASSWORD}" }`)
    await until(() => wrong.nats.isConnected)
  })

  test.each(['publish', 'subscribe'])('who may not %s is away', async right => {
    const rights = { publish: '"roost.>"', subscribe: '"roost.>"', [right]: '"orders.>"' }
    await nats.kill()
    await nats.start(
      `authorization { users: [{ user: "${NATS_USER}", password: "${NATS_PASSWORD}",
         permissions: { publish: ${rights.publish}, subscribe: ${rights.subscribe} } }] }`,
    )
    const one = await startProcess(nats.url)
    expect(one.nats.isConnected).toBe(false)
    await until(() => one.log.some(it => /permissions violation/i.test(it.reason ?? '')))
  })

  test('tls:// speaks to nobody whose certificate is not trusted, nor in the clear', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'roost-nats-tls-'))
    closers.push(() => rm(folder, { recursive: true }))
    const { cert, key } = await makeCertificate()
    await writeFile(join(folder, 'cert.pem'), cert)
    await writeFile(join(folder, 'key.pem'), key)
    const url = nats.url.replace('nats:', 'tls:')
    const clear = await startProcess(url, 0, cert)
    await until(() => clear.log.some(it => it.reason?.includes("does not support 'tls'") ?? false))
    await nats.kill()
    await nats.start(
      `authorization { user: "${NATS_USER}", password: "${NATS_PASSWORD}" }
       tls { cert_file: "${join(folder, 'cert.pem')}", key_file: "${join(folder, 'key.pem')}" }`,
    )
    await until(() => clear.nats.isConnected)
    const stranger = await startProcess(url)
    await until(() => stranger.log.some(it => it.reason?.includes('self-signed certificate') ?? false))
    expect(stranger.nats.isConnected).toBe(false)
  })

  test('what was announced just before the end still arrives', async () => {
    const [command, server] = await Promise.all([startConnected(nats.url), startConnected(nats.url)])
    await command.db.announce('control')
    await command.nats.close()
    await until(() => server.heard.includes('control'))
  })
})
