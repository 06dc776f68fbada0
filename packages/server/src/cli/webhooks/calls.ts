/** What `roost webhooks` does. */
import {
  newSecretSchema,
  newWebhookSchema,
  redeliverySchema,
  type WebhookView,
  wordOf,
} from '@roost/protocol'
import type { z } from 'zod'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import {
  addWebhook,
  changeSecret,
  changeWebhook,
  deleteWebhook,
  listDeliveries,
  listWebhooks,
  redeliver,
} from '../../webhooks/webhooks.ts'
import { withApp } from '../beside/open.ts'
import { plain } from '../plain.ts'

const HOUR_MS = 3_600_000
const BY = 'roost webhooks'

interface Options {
  readonly app: string
  readonly json?: boolean
}

export async function list({ app, json }: Options): Promise<void> {
  await withApp(app, async ({ db, appId }) => {
    const webhooks = await listWebhooks(db, appId)
    print(json ? JSON.stringify({ webhooks }) : plain(webhooks).map(wordsOf).join('\n') || 'no webhooks')
  })
}

function wordsOf({ id, url, events, isActive, failures, failingSince, disabledAt }: WebhookView): string {
  const state = isActive ? 'active' : disabledAt === null ? 'stopped' : `disabled at ${disabledAt}`
  const failing = failingSince === null ? '' : `, ${failures} failures since ${failingSince}`
  return `${id} ${url} ${state}${failing}\n  ${events.join(' ')}`
}

export async function add(
  url: string,
  { app, json, event }: Options & { readonly event?: readonly string[] },
): Promise<void> {
  const input = read(newWebhookSchema, { url, ...(event === undefined ? {} : { events: event }) })
  await withApp(app, async ({ db, seal, appId, allowPrivateEndpoints: allowPrivate }) => {
    const added = await addWebhook(db, seal, { appId, input, at: systemClock.now(), allowPrivate })
    print(json ? JSON.stringify(added) : `${wordsOf(added)}\n  secret, shown this once: ${added.secret}`)
  })
}

export async function setActive(id: string, isActive: boolean, { app, json }: Options): Promise<void> {
  await withApp(app, async ({ db, appId, allowPrivateEndpoints: allowPrivate }) => {
    const change = { change: { isActive }, by: BY, at: systemClock.now(), allowPrivate }
    const webhook = await changeWebhook(db, { appId, id: idOf(id) }, change)
    print(json ? JSON.stringify(webhook) : wordsOf(webhook))
  })
}

export async function remove(id: string, { app, json }: Options): Promise<void> {
  await withApp(app, async ({ db, appId }) => {
    await deleteWebhook(db, { appId, id: idOf(id), by: BY, at: systemClock.now() })
    print(json ? JSON.stringify({ id }) : 'deleted')
  })
}

export async function newSecret(
  id: string,
  { app, json, formerHours: hours }: Options & { readonly formerHours: string },
): Promise<void> {
  const { formerHours } = read(newSecretSchema, { formerHours: Number(hours) })
  await withApp(app, async ({ db, seal, appId }) => {
    const formerUntil = systemClock.now() + formerHours * HOUR_MS
    const changed = await changeSecret(db, seal, { appId, id: idOf(id), formerUntil })
    print(json ? JSON.stringify(changed) : `secret, shown this once: ${changed.secret}`)
  })
}

export async function deliveries(id: string, { app, json }: Options): Promise<void> {
  await withApp(app, async ({ db, appId }) => {
    const found = await listDeliveries(db, { appId, id: idOf(id) })
    const lines = plain(found).map(
      it =>
        `${it.at} ${it.eventId} ${it.type} ${it.state}, ${it.attempts} attempts${it.error === null ? '' : `: ${it.error}`}`,
    )
    print(json ? JSON.stringify({ deliveries: found }) : lines.join('\n') || 'no deliveries')
  })
}

export async function again(
  id: string,
  { app, json, ...said }: Options & { readonly eventId?: readonly string[]; readonly failedSince?: string },
): Promise<void> {
  const which = read(redeliverySchema, {
    ...(said.eventId === undefined ? {} : { eventIds: said.eventId }),
    ...(said.failedSince === undefined ? {} : { failedSince: said.failedSince }),
  })
  await withApp(app, async ({ db, appId }) => {
    const count = await redeliver(db, { appId, id: idOf(id), which, at: systemClock.now() })
    print(json ? JSON.stringify({ count }) : `${count} events are delivered again`)
  })
}

function idOf(text: string): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) return text
  throw new StartError(`"${text}" is no id of a webhook`, 'roost webhooks list has them.')
}

/** Throws StartError for what the API would refuse. */
function read<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input, { error: wordOf })
  if (parsed.success) return parsed.data
  const words = parsed.error.issues.map(it => [...it.path, it.message].join(' ')).join('; ')
  throw new StartError(words, 'See --help for what it takes.')
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
