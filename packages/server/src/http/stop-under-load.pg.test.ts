/** A stop while many clients call over connections that they keep: what a rolling restart does. */
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Access, startBare } from '../../test/bare.ts'
import { cloneDatabase, type TestDatabase } from '../../test/database.ts'
import { tick } from '../../test/roost.ts'
import { Database } from '../store/database.ts'

let database: TestDatabase
let db: Database
beforeAll(async () => {
  database = await cloneDatabase()
  db = new Database({ url: database.url })
})
afterAll(async () => {
  await db.close()
  await database.drop()
})

interface Call {
  readonly url: string
  readonly access: Access
  readonly agent: Agent
  readonly hwid: string
}

/** The status, or what became of the connection. */
function register({ url, access, agent, hwid }: Call): Promise<string> {
  const body = JSON.stringify({ request: { application: access.app, hwid } })
  const headers = { authorization: `Token ${access.deviceToken}` }
  return new Promise(resolve => {
    const call = request(`${url}/json/1.3/applicationOpen`, { method: 'POST', headers, agent }, response => {
      response.resume()
      response.on('end', () => resolve(String(response.statusCode)))
    })
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'))
    call.end(body)
  })
}

test('every call is answered 200 and stored, until new connections are refused; none is cut', async () => {
  // Longer than the clients call: a connection that is closed while they write on it would cut a call.
  const server = await startBare({ databaseUrl: database.url, drainMs: 60_000 })
  const access = await server.createApp()
  const agent = new Agent({ keepAlive: true })
  const answers = new Map<string, string>()
  const client = async (n: number) => {
    for (let i = 0, said = '200'; said === '200'; i++) {
      const hwid = `stop-${n}-${i}`
      said = await register({ url: server.url, access, agent, hwid })
      answers.set(hwid, said)
    }
  }
  const clients = Array.from({ length: 32 }, (_, n) => client(n))
  while (answers.size < 300) await tick()
  const closing = server.close()
  await Promise.all(clients)
  agent.destroy()
  await closing
  expect(new Set(answers.values())).toEqual(new Set(['200', 'ECONNREFUSED']))
  const { rows } = await db.query<{ hwid: string }>('select hwid from device')
  const served = [...answers].filter(([, said]) => said === '200').map(([hwid]) => hwid)
  expect(rows.map(it => it.hwid).toSorted()).toEqual(served.toSorted())
})

test('a call that is on its way over an idle connection when the stop begins is answered, and the last one there', async () => {
  const server = await startBare({ databaseUrl: database.url, drainMs: 10_000 })
  const { port } = new URL(server.url)
  const socket = connect(Number(port), '127.0.0.1')
  const ask = async () => {
    socket.write('GET /healthz HTTP/1.1\r\nhost: roost\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    return answer.toString()
  }
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 .*connection: keep-alive/is)
  const closing = server.close()
  await untilRefused(Number(port))
  const closed = once(socket, 'close')
  expect(await ask()).toMatch(/^HTTP\/1\.1 200 .*connection: close/is)
  await closed
  await closing // without waiting for the rest of the ten seconds
})

async function untilRefused(port: number): Promise<void> {
  for (let isRefused = false; !isRefused; ) {
    const probe = connect(port, '127.0.0.1')
    isRefused = await new Promise(resolve => {
      probe.on('connect', () => resolve(false))
      probe.on('error', () => resolve(true))
    })
    probe.destroy()
  }
}
