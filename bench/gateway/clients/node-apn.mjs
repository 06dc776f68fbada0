/** `@parse/node-apn` the way its README sends to many devices: one notification, an array of tokens. */
import { createRequire } from 'node:module'
import { keepInFlight, runClient } from '../measure.mjs'
import { alertOf, KEY_ID, TEAM_ID, TOPIC, tokenOf } from '../requests.mjs'

/** Tokens in one call. */
const CHUNK = 250

await runClient(async job => {
  const apn = createRequire(job.peers)('@parse/node-apn')
  const provider = new apn.MultiProvider({
    token: { key: job.keyPem, keyId: KEY_ID, teamId: TEAM_ID },
    address: '127.0.0.1',
    port: job.port,
    ca: job.caPem,
    clientCount: job.connections,
    requestTimeout: 30_000,
  })
  const note = new apn.Notification()
  note.alert = alertOf(job.bodyBytes)
  note.topic = TOPIC
  note.pushType = 'alert'
  note.priority = 10
  /** @param {number} first @param {number} count */
  const send = async (first, count) => {
    const tokens = Array.from({ length: Math.min(CHUNK, count - first) }, (_, i) => tokenOf(first + i))
    return (await provider.send(note, tokens)).sent.length
  }
  return {
    sendAll: count =>
      keepInFlight(count, Math.floor((job.connections * job.streams) / CHUNK), n => send(n, count), CHUNK),
    close: () => provider.shutdown(),
  }
})
