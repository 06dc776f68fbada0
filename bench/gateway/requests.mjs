/**
 * What every client sends: the same device tokens, topic and body, so that only the clients differ.
 * Source of the shape: Apple, "Sending notification requests to APNs".
 */

/** @typedef {{ port: number, caPem: string, connections: number, streams: number, bodyBytes: number,
 *   keyPem: string, count: number, warmUp: number, peers: string }} Job what a client process is told */

export const TOPIC = 'com.example.app'
export const TEAM_ID = 'TEAM123456'
export const KEY_ID = 'ABCDE12345'

/** Few enough for the server to keep their files open. */
const TOKENS = Array.from({ length: 64 }, (_, i) => (i + 1).toString(16).padStart(64, 'c'))
const PATHS = TOKENS.map(token => `/3/device/${token}`)

/** @param {number} n */
export const tokenOf = n => /** @type {string} */ (TOKENS[n % TOKENS.length])
/** @param {number} n */
export const pathOf = n => /** @type {string} */ (PATHS[n % PATHS.length])
/** All of them, for the server. */
export const allTokens = () => TOKENS

/**
 * A UUID in Apple's canonical form, from a number: a random one would cost more than some clients' whole request.
 * @param {number} n
 */
export const apnsIdOf = n => `00000000-0000-4000-8000-0000${(0x1000_0000 + n).toString(16)}`

const FRAME_BYTES = JSON.stringify({ aps: { alert: '' } }).length

/** The text that makes `{"aps":{"alert":…}}` exactly so long. @param {number} bodyBytes */
export const alertOf = bodyBytes => 'a'.repeat(Math.max(0, bodyBytes - FRAME_BYTES))
/** @param {number} bodyBytes */
export const bodyOf = bodyBytes => Buffer.from(JSON.stringify({ aps: { alert: alertOf(bodyBytes) } }))

/** As long as a real one; the server does not look at it. */
export const AUTHORIZATION = `bearer ${'x'.repeat(39)}.${'y'.repeat(51)}.${'z'.repeat(86)}`
