/**
 * Receipts: what became of a message on the device. Each is kept until the server has it, for up to 30 days, and those that wait go
 * together in one call (`client.ts`). The server counts one of a kind, however often it comes.
 */
import type { Client } from './client.ts'
import { RoostError } from './error.ts'
import type { PushPayload } from './payload.ts'

export type ReceiptKind = 'delivered' | 'displayed' | 'opened' | 'dismissed' | 'landed' | 'attachment_failed'

export type Received = Pick<PushPayload, 'hash' | 'receiptKey'> & { readonly metaData?: unknown }

/** Those that the compatible protocol has a call for. */
const METHODS: Readonly<Partial<Record<ReceiptKind, string>>> = {
  delivered: 'messageDeliveryEvent',
  opened: 'pushStat',
}

/**
 * The key makes a repeat of the same receipt one. A message without a hash can't be counted by the server, and a receipt that it does not
 * want is nobody's fault: neither rejects.
 */
export async function sendReceipt(client: Client, kind: ReceiptKind, received: Received): Promise<void> {
  const { hash, receiptKey, metaData } = received
  if (hash === undefined) return client.flush()
  const method = METHODS[kind]
  const own = { hash, ...(receiptKey !== undefined && { receipt_key: receiptKey }) }
  const call =
    method === undefined
      ? { key: `${kind}:${hash}`, method: 'postReceipts', fields: { receipts: [{ kind, ...own }] } }
      : { key: `${method}:${hash}`, method, fields: { ...own, ...(metaData !== undefined && { metaData }) } }
  await client.deliver(call).catch(forgiveRefusal)
}

function forgiveRefusal(error: unknown): void {
  if (!(error instanceof RoostError)) throw error
}
