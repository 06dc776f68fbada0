/** Node's own client, used as sparingly as it allows: no wrapper, one header object and one stream a request. */
import { once } from 'node:events'
import { connect } from 'node:http2'
import { keepInFlight, runClient } from '../measure.mjs'
import { AUTHORIZATION, apnsIdOf, bodyOf, pathOf, TOPIC } from '../requests.mjs'

await runClient(async job => {
  const sessions = Array.from({ length: job.connections }, () =>
    connect(`https://127.0.0.1:${job.port}`, { ca: job.caPem }),
  )
  await Promise.all(sessions.map(session => once(session, 'remoteSettings')))
  const body = bodyOf(job.bodyBytes)
  /** @param {number} n @returns {Promise<number>} */
  const send = n =>
    new Promise(resolve => {
      const session = /** @type {import('node:http2').ClientHttp2Session} */ (sessions[n % sessions.length])
      const request = session.request(headersOf(n))
      let accepted = 0
      request.on('response', headers => {
        accepted = headers[':status'] === 200 ? 1 : 0
      })
      request.on('error', () => undefined)
      request.on('close', () => resolve(accepted))
      request.resume()
      request.end(body)
    })
  return {
    sendAll: count => keepInFlight(count, job.connections * job.streams, send),
    close: () => sessions.map(session => session.close()),
  }
})

/** @param {number} n */
function headersOf(n) {
  return {
    ':method': 'POST',
    ':path': pathOf(n),
    'apns-topic': TOPIC,
    'apns-push-type': 'alert',
    'apns-priority': '10',
    'apns-id': apnsIdOf(n),
    authorization: AUTHORIZATION,
  }
}
