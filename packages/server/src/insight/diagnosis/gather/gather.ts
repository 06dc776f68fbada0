/** All facts of a question, for one device. */
import type { Queryable } from '../../../store/database.ts'
import type { Facts } from '../facts.ts'
import {
  nothingKnown,
  readAddresses,
  readAppFacts,
  readCappedAt,
  readCredentials,
  readDeviceFacts,
  readNewestLedger,
  readOtherApps,
} from './device.ts'
import { readLately, readWaiting } from './lately.ts'
import { readMessageFacts } from './message.ts'

export interface FactsQuery {
  readonly app: { readonly id: number; readonly code: string }
  readonly hwid: string
  readonly asked: Facts['asked']
  /** By which it was asked for. */
  readonly token: string | null
  /** Null: whether it could receive one now. */
  readonly messageId: string | null
  /** ms */
  readonly at: number
}

/** Throws `message_unknown`. */
export async function gatherFacts(db: Queryable, query: FactsQuery): Promise<Facts> {
  const { app, hwid, asked, token, messageId, at } = query
  const key = { appId: app.id, hwid }
  const appFacts = await readAppFacts(db, app.id)
  const device = await readDeviceFacts(db, key)
  if (device === null) return factsOfStranger(db, query)
  const addresses = await readAddresses(db, { ...key, token })
  const credentials = await readCredentials(db, { appId: app.id, address: addresses.alert, device })
  const { alert: address, voip, asked: askedAddress } = addresses
  return {
    at,
    app: appFacts,
    asked,
    device,
    address,
    voip,
    askedAddress,
    credentials,
    ledger: await readNewestLedger(db, key),
    otherApps: [],
    cappedAt: await readCappedAt(db, key),
    lately: await readLately(db, key),
    waiting: await readWaiting(db, key),
    message:
      messageId === null
        ? null
        : await readMessageFacts(db, { appId: app.id, appCode: app.code, messageId, device, address }),
  }
}

/** What is known of a name that no device of the app has. */
export async function factsOfStranger(
  db: Queryable,
  {
    app,
    asked,
    hwid,
    token,
    user = null,
    at,
  }: Omit<FactsQuery, 'messageId' | 'hwid'> & { readonly hwid: string | null; readonly user?: string | null },
): Promise<Facts> {
  const otherApps = await readOtherApps(db, { appId: app.id, hwid, user, token })
  return nothingKnown(await readAppFacts(db, app.id), { asked, otherApps, at })
}
