/** GET /healthz: the process is up. GET /readyz: it can serve. GET /metrics: Prometheus. */
import { PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { Snapshot } from '../access/snapshot.ts'
import { countOpenAlerts } from '../hygiene/alerts.ts'
import { readQueueAges } from '../hygiene/symptoms/queue-age.ts'
import type { Queryable } from '../store/database.ts'
import type { HttpContext } from './context.ts'

/** Anybody may ask, as often as they like: that costs the database one query a second. */
const BELIEVED_MS = 1000
/** Of a large campaign all batches are looked at. */
const QUEUES_BELIEVED_MS = 10_000

export async function healthRoutes(app: FastifyInstance, context: HttpContext): Promise<void> {
  const { nats } = context
  const readiness = new Snapshot(() => whyNotReady(context.db), context.clock)
  const batches = new Snapshot(() => countBatches(context.db), context.clock)
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'roost_batches',
    help: 'Batches that are not done, by state.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      this.reset()
      // Without a database the rest is still told, and more wanted than ever.
      const counts = await batches.current(BELIEVED_MS).catch(() => [])
      for (const { state, count } of counts) this.set({ state }, count)
    },
  })

  const ages = new Snapshot(() => readQueueAges(context.db, context.clock.now()), context.clock)
  new Gauge({
    name: 'roost_queue_age_seconds',
    help: 'How long the oldest message or batch that is due has waited, by lane; 0 when none waits.',
    labelNames: ['lane'],
    registers: [registry],
    async collect() {
      this.reset()
      for (const [lane, seconds] of await ages.current(QUEUES_BELIEVED_MS).catch(() => []))
        this.set({ lane }, seconds)
    },
  })

  const alerts = new Snapshot(() => countOpenAlerts(context.db), context.clock)
  new Gauge({
    name: 'roost_open_alerts',
    help: 'Alerts that are open, of all apps, by kind.',
    labelNames: ['kind'],
    registers: [registry],
    async collect() {
      this.reset()
      for (const { kind, count } of await alerts.current(QUEUES_BELIEVED_MS).catch(() => []))
        this.set({ kind }, count)
    },
  })

  new Counter({
    name: 'roost_calls_refused_total',
    help: 'Calls that were answered 429, by the limit that refused them.',
    labelNames: ['limit'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [limit, count] of Object.entries(context.limits.refused)) this.inc({ limit }, count)
    },
  })

  new Counter({
    name: 'roost_content_rendered_total',
    help: 'Contents rendered: shared, once for a language and variant; personal, for one device.',
    labelNames: ['kind'],
    registers: [registry],
    collect() {
      this.reset()
      for (const [kind, count] of Object.entries(context.renders)) this.inc({ kind }, count)
    },
  })

  if (nats !== undefined)
    new Gauge({
      name: 'roost_nats_connected',
      help: '1 while notices to other servers go over NATS, 0 while it is away and they look by themselves.',
      registers: [registry],
      collect() {
        this.set(nats.isConnected ? 1 : 0)
      },
    })

  app.get('/healthz', async () => ({ status: 'up' }))

  app.get('/readyz', async () => {
    const reason = await readiness.current(BELIEVED_MS)
    if (reason !== undefined) throw reason
    return { status: 'ready', ...(nats && { nats: nats.isConnected ? 'connected' : 'away' }) }
  })

  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
}

async function whyNotReady(db: Queryable): Promise<PushError | undefined> {
  try {
    const { rows } = await db.query<{ isOn: boolean }>(
      `select current_setting('transaction_read_only')::boolean as "isOn"`,
    )
    return rows[0]?.isOn ? new PushError('not_ready', 'the database takes no writes') : undefined
  } catch (cause) {
    return new PushError('not_ready', 'the database does not answer', { cause })
  }
}

async function countBatches(db: Queryable): Promise<readonly { state: string; count: number }[]> {
  const { rows } = await db.query<{ state: string; count: number }>(
    "select state, count(*) as count from batch where state <> 'done' group by state",
  )
  return rows
}
