/** Clients that begin a request and never end it. */
import { once } from 'node:events'
import { connect } from 'node:net'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { SECRET } from '../../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { AppDirectory } from '../access/apps.ts'
import { ServerTokens } from '../access/tokens.ts'
import { CredentialChecks } from '../credentials/checks.ts'
import { Seal } from '../credentials/seal.ts'
import { Receipts } from '../insight/receipts.ts'
import { Registrations } from '../registry/register.ts'
import { Database } from '../store/database.ts'
import { systemClock } from '../time.ts'
import { buildApp } from './app.ts'
import { CallLimits } from './limits.ts'

let database: TestDatabase
let db: Database
let app: Awaited<ReturnType<typeof buildApp>>
let port: number
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url })
  const seal = new Seal(SECRET)
  const context = {
    db,
    clock: systemClock,
    logger: pino({ level: 'silent' }),
    seal,
    checks: new CredentialChecks({ db, seal, clock: systemClock, urls: {} }),
    apps: new AppDirectory(db, systemClock),
    serverTokens: new ServerTokens(db, systemClock),
    limits: new CallLimits({ callsPerApp: 0, callsPerClient: 0, devicesPerClient: 0, clock: systemClock }),
    trustedProxies: [],
    registrations: new Registrations(db),
    receipts: new Receipts(db),
    allowPrivateEndpoints: false,
    poke: () => undefined,
    runSoon: () => undefined,
  }
  app = await buildApp(context, { requestTimeoutMs: 100 })
  port = Number(new URL(await app.listen({ host: '127.0.0.1', port: 0 })).port)
})
afterAll(async () => {
  await app.close()
  await db.close()
  await database.drop()
})

test('a body that never comes is answered 408, and its connection is closed', async () => {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString()
  })
  socket.write('POST /json/1.3/registerDevice HTTP/1.1\r\nhost: roost\r\ncontent-length: 100\r\n\r\n{')
  await once(socket, 'close')
  expect(answer).toMatch(/^HTTP\/1\.1 408 /)
})
