/**
 * What somebody writes who has a table of devices and one of the libraries: rows in pages, a notification for each person,
 * rows of dead tokens deleted. Two pages are under way at once, so that neither the table nor Apple is waited for.
 */
import pg from 'pg'

const PAGE = 500
const TRIES = 1000
const AT_ONCE = 2
const GONE = new Set(['Unregistered', 'BadDeviceToken'])

/** @typedef {{ name: string, databaseUrl: string, origin: string, ca: string, title: string, body: string, apns: { keyId: string, teamId: string, bundleId: string, p8: string } }} Job */
/** @typedef {{ token: string, name: string }} Row */
/** Gives back the tokens that are dead; throws what else went wrong. @typedef {{ send: (rows: Row[]) => Promise<string[]>, close: () => Promise<void> }} Client */

/** Its README: one `Provider`, `send(notification, token)`. @param {Job} job @returns {Promise<Client>} */
async function nodeApn({ origin, ca, apns, title, body }) {
  const { default: apn } = await import('@parse/node-apn')
  const provider = new apn.Provider(
    /** @type {any} */ ({
      token: { key: apns.p8, keyId: apns.keyId, teamId: apns.teamId },
      production: true,
      address: new URL(origin).hostname,
      port: Number(new URL(origin).port),
      ca,
    }),
  )
  /** @param {Row} row */
  const sendOne = async ({ token, name }) => {
    const note = new apn.Notification()
    note.alert = { title: title + name, body }
    note.topic = apns.bundleId
    note.pushType = 'alert'
    note.priority = 10
    note.expiry = Math.floor(Date.now() / 1000) + 86_400
    for (let tries = 1; ; tries++) {
      const [failed] = (await provider.send(note, token)).failed
      if (failed === undefined) return []
      // It begins with more streams than Apple allows before the first token; what was refused so is sent again.
      const isRefusedStream = failed.error?.message.includes('REFUSED_STREAM') ?? false
      if (!isRefusedStream || tries >= TRIES) return [deadToken(token, failed.response?.reason, failed)]
    }
  }
  return {
    send: async rows => (await Promise.all(rows.map(sendOne))).flat(),
    close: async () => void (await provider.shutdown()),
  }
}

/**
 * Its README: one `ApnsClient`, `sendMany(notifications)`. It connects to port 443 only, so its undici pool is replaced by one
 * with the same options and the stand-in's port.
 * @param {Job} job @returns {Promise<Client>}
 */
async function apns2({ origin, ca, apns, title, body }) {
  const { createRequire } = await import('node:module')
  const require = createRequire(import.meta.url)
  const { ApnsClient, Notification } = require('apns2')
  const { Pool } = createRequire(require.resolve('apns2'))('undici')
  const client = new ApnsClient({
    team: apns.teamId,
    keyId: apns.keyId,
    signingKey: apns.p8,
    defaultTopic: apns.bundleId,
  })
  await client.client.close()
  client.client = new Pool(origin, {
    connections: 32,
    pipelining: 1,
    allowH2: true,
    maxConcurrentStreams: 100,
    connect: { ca },
  })
  return {
    send: async rows => {
      const expiration = Math.floor(Date.now() / 1000) + 86_400
      const notes = rows.map(
        ({ token, name }) => new Notification(token, { alert: { title: title + name, body }, expiration }),
      )
      const results = await client.sendMany(notes)
      return results.flatMap((/** @type {any} */ it, /** @type {number} */ i) =>
        'error' in it ? [deadToken(rows[i]?.token ?? '', it.error.reason, it.error)] : [],
      )
    },
    close: () => client.close(),
  }
}

/** @param {string} token @param {string | undefined} reason @param {any} answer */
function deadToken(token, reason, answer) {
  if (!GONE.has(reason ?? ''))
    throw new Error(`not a dead token: ${JSON.stringify(answer)} ${answer.message ?? ''}`)
  return token
}

/** @param {Job} job */
async function run(job) {
  const client = await (job.name === 'apns2' ? apns2(job) : nodeApn(job))
  const db = new pg.Pool({ connectionString: job.databaseUrl, max: AT_ONCE })
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  let [accepted, dead, after, isRead] = [0, 0, '', false]
  /** @type {Promise<Row[]>} */
  let reading = Promise.resolve([])
  const readPage = () => {
    reading = reading.then(async () => {
      if (isRead) return []
      const { rows } = await db.query(
        'select token, name from peer_device where token > $1 order by token limit $2',
        [after, PAGE],
      )
      after = rows.at(-1)?.token ?? after
      isRead = rows.length < PAGE
      return rows
    })
    return reading
  }
  const work = async () => {
    for (let rows = await readPage(); rows.length > 0; rows = await readPage()) {
      const gone = await client.send(rows)
      if (gone.length > 0) await db.query('delete from peer_device where token = any($1)', [gone])
      accepted += rows.length - gone.length
      dead += gone.length
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - startedAt) / 1000
  const rssMb = Math.round(process.memoryUsage().rss / 1024 / 1024)
  await Promise.all([db.end(), client.close()])
  return { accepted, dead, seconds, cpuSeconds: (user + system) / 1e6, rssMb }
}

process.once('message', job => {
  void run(/** @type {Job} */ (job))
    .catch(error => ({ fault: String(error?.stack ?? error) }))
    .then(report => process.send?.(report))
})
process.on('disconnect', () => process.exit())
