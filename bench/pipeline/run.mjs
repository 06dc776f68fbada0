/**
 * `npm run bench -- pipeline`: a campaign to the devices of a table, some of their tokens dead, by Roost and by what others
 * would write with `@parse/node-apn` and `apns2`: rows read from PostgreSQL, a title with each person's name, sent as the
 * libraries' READMEs show, rows of dead tokens deleted. All send to the same stand-in for Apple, and all rows lie in the same
 * embedded PostgreSQL (`fsync` on); each round is one campaign of each, one after the other, on all cores.
 *
 * The stand-in's own count has to be the client's, or the run ends. The last line is one line of JSON.
 */
import { fork, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values: given } = parseArgs({
  options: {
    devices: { type: 'string', default: '100000' },
    dead: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '3' },
    json: { type: 'boolean', default: false },
  },
})
const devices = Number(given.devices)
const deadPercent = Number(given.dead)
const say = (/** @type {string} */ text) => given.json || console.log(text)
const PEERS = ['@parse/node-apn', 'apns2']
const BODY = 'The quick brown fox jumps over the lazy dog.'
const TITLE = 'Hello Ada of '

build()
const bench = '../../packages/server/dist/cli/bench/'
const { startChild, startRoost } = await import(`${bench}bench-processes.js`)
const { cpuOf, cpuOfPostgres } = await import(`${bench}cpu-time.js`)
const { startEmbeddedPostgres } = await import('../../packages/server/dist/store/embedded.js')
const { Database } = await import('../../packages/server/dist/store/database.js')

const folder = mkdtempSync(join(tmpdir(), 'roost-bench-'))
/** @type {(() => Promise<unknown>)[]} */
const closers = []
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130))
try {
  await run()
} finally {
  for (const close of closers.reverse()) await close()
  rmSync(folder, { recursive: true, force: true })
}

async function run() {
  const postgres = await startEmbeddedPostgres({ dataDirectory: folder })
  closers.push(() => postgres.stop())
  const db = new Database({ url: postgres.url, maxConnections: 2 })
  closers.push(() => db.close())
  const standIns = startChild('send-stand-ins.js')
  closers.push(() => standIns.stop())
  const { settings } = await standIns.ask({ do: 'start', folder })
  const serverToken = randomBytes(32).toString('base64url')
  const server = await startRoost({
    ...process.env,
    ...settings.environment,
    ROOST_DATABASE_URL: postgres.url,
    ROOST_DATA_DIR: folder,
    ROOST_PORT: '0',
    ROOST_BOOTSTRAP_TOKEN: serverToken,
    ROOST_LOG_LEVEL: 'warn',
  })
  closers.push(() => server.stop())
  const call = async (/** @type {string} */ path, /** @type {object} */ body) => {
    const headers = { authorization: `Bearer ${serverToken}`, 'content-type': 'application/json' }
    const answer = await fetch(server.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
    if (!answer.ok) throw new Error(`POST ${path} was answered ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }
  const { code } = await call('/v1/apps', { name: 'bench' })
  await call(`/v1/apps/${code}/credentials`, { gateway: 'apns', kind: 'p8', ...settings.apns })
  const { rows } = await db.query('select id from app where code = $1', [code])
  say(`${devices.toLocaleString('en')} devices, ${deadPercent} % of their tokens dead`)
  const order = { do: 'fill', databaseUrl: postgres.url, appId: rows[0].id, devices, deadPercent }
  await ask(standIns, { ...order, isAllApple: true }, 'filled')
  await db.query(`create table peer_device as select a.address as token, d.user_id as name
                    from address a join device d using (bucket, app_id, hwid)`)
  await db.query('alter table peer_device add primary key (token)')
  await db.query('create table peer_device_before as table peer_device')

  /** @type {Record<string, object[]>} */
  const results = { roost: [], ...Object.fromEntries(PEERS.map(name => [name, []])) }
  for (let round = 1; round <= Number(given.rounds); round++) {
    say(`Round ${round} of ${given.rounds}`)
    await revive(db)
    await measure('roost', () => sendByRoost({ db, call, code, server }))
    for (const name of PEERS) {
      await revive(db)
      await measure(name, () => sendByPeer({ name, url: postgres.url, settings, folder }))
    }
  }

  /** @param {string} name @param {() => Promise<{ accepted: number, dead: number, seconds: number, cpuSeconds: number, rssMb: number }>} send */
  async function measure(name, send) {
    const before = (await ask(standIns, { do: 'count' }, 'counts')).counts
    const cpu = { postgres: await cpuOfPostgres(db), standIns: await cpuOf(standIns.pid) }
    const { accepted, dead, seconds, cpuSeconds, rssMb } = await send()
    const after = (await ask(standIns, { do: 'count' }, 'counts')).counts
    if (accepted !== after.accepted - before.accepted || dead !== after.refused - before.refused)
      throw new Error(
        `${name} saw ${accepted} accepted and ${dead} dead, the stand-in ${JSON.stringify({ before, after })}`,
      )
    const per = (/** @type {number} */ micros) => micros / (accepted + dead)
    const figures = {
      accepted,
      dead,
      perSecond: Math.round(accepted / seconds),
      clientMicros: round1(per(cpuSeconds * 1e6)),
      postgresMicros: round1(per((await cpuOfPostgres(db)) - cpu.postgres)),
      standInMicros: round1(per((await cpuOf(standIns.pid)) - cpu.standIns)),
      rssMb,
    }
    results[name]?.push(figures)
    say(`${name}: ${JSON.stringify(figures)}`)
  }

  const summary = Object.fromEntries(Object.entries(results).map(([name, all]) => [name, medianOf(all)]))
  if (!given.json) printTable(summary)
  console.log(JSON.stringify({ devices, deadPercent, rounds: Number(given.rounds), ...summary }))
}

/** What was found dead before is to be found dead again, by all of them. */
async function revive(/** @type {any} */ db) {
  await db.query(
    "update address set state = 'active', reason = null, generation = generation + 1 where state <> 'active'",
  )
  await db.query('truncate peer_device')
  await db.query('insert into peer_device select * from peer_device_before')
  await db.query('vacuum analyze peer_device')
}

async function sendByRoost(/** @type {any} */ { db, call, code, server }) {
  const cpu = await cpuOf(server.pid)
  const startedAt = performance.now()
  const { id } = await call(`/v1/apps/${code}/messages`, {
    to: { all: true },
    content: { title: `${TITLE}{{ user.id }}`, body: BODY },
  })
  for (;;) {
    const { rows } = await db.query('select state from message where id = $1', [id])
    if (rows[0].state === 'done') break
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  const seconds = (performance.now() - startedAt) / 1000
  const { rows } = await db.query(
    'select sum(accepted)::bigint as accepted, sum(dead)::bigint as dead from batch where message_id = $1',
    [id],
  )
  const rssMb = Math.round(
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server.pid}/status`, 'utf8'))?.[1]) / 1024,
  )
  return { ...rows[0], seconds, cpuSeconds: ((await cpuOf(server.pid)) - cpu) / 1e6, rssMb }
}

/** Each in a process of its own, as Roost is. Its start is not counted. */
async function sendByPeer(/** @type {any} */ { name, url, settings, folder: caFolder }) {
  const child = fork(fileURLToPath(new URL('peer.mjs', import.meta.url)), { stdio: ['ignore', 2, 2, 'ipc'] })
  child.send({
    name,
    databaseUrl: url,
    origin: settings.environment.ROOST_APNS_PRODUCTION_URL,
    ca: readFileSync(join(caFolder, 'ca.pem'), 'utf8'),
    apns: settings.apns,
    title: TITLE,
    body: BODY,
  })
  const [report] = await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => [{ fault: 'it exited' }]),
  ])
  if ('fault' in report) throw new Error(`${name} could not send: ${report.fault}`)
  child.disconnect()
  if (child.exitCode === null) await once(child, 'exit')
  return report
}

/** @param {any} child @param {object} order @param {string} kind */
async function ask(child, order, kind) {
  const report = await child.ask(order, (/** @type {object} */ it) => kind in it)
  if ('fault' in report) throw new Error(`the stand-ins failed: ${report.fault}`)
  return report
}

/** @param {any[]} all */
function medianOf(all) {
  const names = Object.keys(all[0])
  return Object.fromEntries(
    names.map(name => [
      name,
      all.map(it => it[name]).sort((a, b) => a - b)[Math.floor((all.length - 1) / 2)],
    ]),
  )
}

/** @param {Record<string, any>} summary */
function printTable(summary) {
  const ours = summary.roost
  console.table(
    Object.fromEntries(
      Object.entries(summary).map(([name, it]) => [
        name,
        {
          'accepted a second': it.perSecond,
          'roost ×': round1(ours.perSecond / it.perSecond),
          'CPU µs: client': it.clientMicros,
          PostgreSQL: it.postgresMicros,
          'stand-in': it.standInMicros,
          'memory MB': it.rssMb,
        },
      ]),
    ),
  )
}

/** @param {number} value */
function round1(value) {
  return Number(value.toFixed(1))
}

function build() {
  const script = fileURLToPath(new URL('../../scripts/build-when-stale.mjs', import.meta.url))
  const { status } = spawnSync(process.execPath, [script], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
