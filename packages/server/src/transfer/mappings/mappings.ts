/** The forms of files that can be read. Each mapping takes a row and says in our words what is in it. */
import type { ImportMapping, Platform } from '@roost/protocol'
import type { Columns } from '../blocks.ts'
import type { Draft } from '../draft.ts'
import type { Fields } from '../fields.ts'
import { readBrowser } from './browser.ts'
import { readOneSignal } from './onesignal.ts'
import { readParse } from './parse.ts'
import { readPushwoosh } from './pushwoosh.ts'
import { readRoost } from './roost.ts'
import { readTokens, TOKEN_COLUMNS } from './tokens.ts'

export interface MappingSettings {
  /** Of rows that name none. */
  readonly platform: Platform | null
  /** APNs: of rows that name none; null = production. */
  readonly environment: string | null
}

/** Throws PushError for a row that can't be taken. */
export type Mapping = (fields: Fields, settings: MappingSettings) => Draft

export const MAPPINGS: Readonly<Record<ImportMapping, Mapping>> = {
  roost: readRoost,
  pushwoosh: readPushwoosh,
  onesignal: readOneSignal,
  parse: readParse,
  tokens: readTokens,
  browser: readBrowser,
}

/** A CSV file that has none of them is another form, or has no header: that is told once instead of for each row. */
export function columnsOf(mapping: ImportMapping): Columns {
  const { [mapping]: oneOf, ...others } = NAMES
  return { oneOf, others, ...(mapping === 'tokens' ? { alone: 'token' } : {}) }
}

const NAMES: Readonly<Record<ImportMapping, readonly string[]>> = {
  roost: ['hwid', 'pushToken'],
  pushwoosh: ['Hwid', 'hwid', 'Push Token'],
  onesignal: ['id', 'player_id', 'subscription_id', 'identifier'],
  parse: ['installationId', 'objectId', '_id', 'deviceToken'],
  tokens: TOKEN_COLUMNS,
  browser: ['endpoint', 'subscription'],
}
