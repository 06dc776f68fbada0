/** What back ends of `roost bench receipts` pass on: receipts of devices for messages, a fifth of them of openings. */

import { Seal } from '../../credentials/seal.ts'
import { ReceiptSigner } from '../../insight/receipts-signature.ts'
import { hwidOf } from './device-calls.ts'

export interface ReceiptCallOptions {
  readonly host: string
  readonly app: string
  readonly serverToken: string
  /** Of the server: with it pushes are signed. */
  readonly secret: string
  readonly devices: number
  /** Hashes of messages. */
  readonly hashes: readonly string[]
  /** Receipts of all calls together, and of one. */
  readonly count: number
  readonly batch: number
}

/** One in six is of an opening, of the device whose delivery came before it. */
const KINDS = 6

/** So many messages are needed for each receipt to be new. */
export function messagesFor({ count, devices }: Pick<ReceiptCallOptions, 'count' | 'devices'>): number {
  return Math.ceil((count * (KINDS - 1)) / KINDS / devices) + 1
}

/** Whole HTTP/1.1 requests to `POST …/receipts`, made beforehand: who calls must not cost what is measured. */
export function receiptCallsOf(options: ReceiptCallOptions): string[] {
  const { host, app, serverToken, secret, count, batch } = options
  const signer = new ReceiptSigner(new Seal(secret))
  const now = Date.now()
  const head = [
    `POST /v1/apps/${app}/receipts HTTP/1.1`,
    `host: ${host}`,
    'content-type: application/json',
    `authorization: Bearer ${serverToken}`,
    'content-length: ',
  ].join('\r\n')
  return Array.from({ length: Math.ceil(count / batch) }, (_, call) => {
    const entries: string[] = []
    for (let n = call * batch; n < Math.min(count, (call + 1) * batch); n++)
      entries.push(entryOf(n, options, signer, now))
    const body = `{"receipts":[${entries.join(',')}]}`
    return `${head}${body.length}\r\n\r\n${body}`
  })
}

/** Devices tell in another order than that of their numbers, which is that of nothing. */
function entryOf(
  n: number,
  { devices, hashes }: ReceiptCallOptions,
  signer: ReceiptSigner,
  now: number,
): string {
  const isOpen = n % KINDS === KINDS - 1
  const delivery = n - Math.floor((n + 1) / KINDS)
  const hwid = hwidOf(delivery % devices)
  const hash = hashes[Math.floor(delivery / devices)] ?? ''
  const signature = signer.sign({ hash, hwid }, now - 1000 - (n % 60_000))
  return `{"hwid":"${hwid}","kind":"${isOpen ? 'opened' : 'delivered'}","hash":"${hash}","signature":"${signature}"}`
}
