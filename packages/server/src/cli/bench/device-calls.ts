/** What the devices of `roost bench register` say: registrations as an iOS client of the device protocol writes them. */
export interface DeviceCallOptions {
  readonly host: string
  readonly app: string
  readonly deviceToken: string
  /** Number of the first device; device n has the same hwid and push token in every run. */
  readonly first: number
  /** How many devices call. */
  readonly count: number
  /** Not in the order of their numbers: apps are started in another order than they were installed in. */
  readonly isShuffled?: boolean
}

/** Whole HTTP/1.1 requests to `registerDevice`, ASCII alone, so that characters are bytes. */
export function registrationsOf(options: DeviceCallOptions): (n: number) => string {
  const head = [
    'POST /json/1.3/registerDevice HTTP/1.1',
    `host: ${options.host}`,
    'content-type: application/json',
    `authorization: Token ${options.deviceToken}`,
    'content-length: ',
  ].join('\r\n')
  const placeOf = options.isShuffled === true ? shuffled(options.count) : (n: number) => n
  return n => {
    const body = registrationOf(options.app, options.first + placeOf(n))
    return `${head}${body.length}\r\n\r\n${body}`
  }
}

/** What device n registers with. */
export function registrationOf(app: string, n: number): string {
  return `{"request":{"application":"${app}","hwid":"${hwidOf(n)}","device_type":1,"push_token":"${tokenOf(n)}","gateway":"production","language":"en","timezone":"3600","app_version":"4.12.1","os_version":"18.1","device_model":"iPhone 15 Pro","userId":"${userOf(n)}"}}`
}

/** Each of 0 … `count` - 1 once, neighbours far apart: steps of the golden ratio, made prime to `count`. */
function shuffled(count: number): (n: number) => number {
  let step = Math.max(1, Math.round(count * 0.618_033_988_75))
  while (divisorOf(step, count) !== 1) step++
  return n => (n * step) % count
}

function divisorOf(a: number, b: number): number {
  return b === 0 ? a : divisorOf(b, a % b)
}

/** As long as the UUIDs that iOS makes; its head is spread, as theirs are, so that index pages are hit at random. */
export function hwidOf(n: number): string {
  return `${spread(n)}-4BE4-4C0E-8F3A-${(0x100000000000 + n).toString(16).toUpperCase()}`
}

/** 64 hex digits, as long as APNs tokens are today. */
export function tokenOf(n: number): string {
  return (
    (spread(n + 1) + spread(n + 2) + spread(n + 3)).toLowerCase() +
    (0x1000000000 + n).toString(16).padStart(40, '0')
  )
}

/** Two devices a person. */
export function userOf(n: number): string {
  return `user-${n >> 1}`
}

/** Eight hex digits, each n another (an odd factor permutes 32 bits; Knuth, multiplicative hashing). */
function spread(n: number): string {
  return (Math.imul(n, 2654435761) >>> 0).toString(16).padStart(8, '0').toUpperCase()
}
