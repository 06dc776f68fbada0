/**
 * What a call asked for, in few words for the audit log: numbers, switches, and texts of fields that are known to hold names. Nothing else is
 * told, since bodies hold secrets, contents of messages, and whom they are for.
 */
import type { FastifyRequest } from 'fastify'

const TEXTS = new Set([
  'name',
  'kind',
  'gateway',
  'mode',
  'role',
  'state',
  'timeZone',
  'cron',
  'type',
  'note',
])
const FIELDS_TOLD = 8
const TEXT_CHARACTERS = 60

/** Null when there is nothing to tell. */
export function wordsOfBody({ body }: Pick<FastifyRequest, 'body'>): string | null {
  if (typeof body !== 'object' || body === null) return null
  if (Array.isArray(body) || Buffer.isBuffer(body)) return null
  const told = Object.entries(body).flatMap(([name, value]) => wordOf(name, value))
  return told.length === 0 ? null : told.slice(0, FIELDS_TOLD).join(', ')
}

function wordOf(name: string, value: unknown): string[] {
  if (typeof value === 'number' || typeof value === 'boolean') return [`${name}: ${value}`]
  if (typeof value !== 'string') return value === undefined ? [] : [name]
  return TEXTS.has(name) ? [`${name}: ${value.slice(0, TEXT_CHARACTERS)}`] : [name]
}
