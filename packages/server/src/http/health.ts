/** GET /healthz: the process is up. GET /readyz: it can serve. GET /metrics: Prometheus. */
import { PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { HttpContext } from './context.ts'

export async function healthRoutes(app: FastifyInstance, context: HttpContext): Promise<void> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'roost_batches',
    help: 'Batches that are not done, by state.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const { rows } = await context.db.query<{ state: string; count: number }>(
        "select state, count(*) as count from batch where state <> 'done' group by state",
      )
      this.reset()
      for (const { state, count } of rows) this.set({ state }, count)
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

  app.get('/healthz', async () => ({ status: 'up' }))

  app.get('/readyz', async () => {
    await context.db.query('select 1').catch((cause: unknown) => {
      throw new PushError('not_ready', 'the database does not answer', { cause })
    })
    return { status: 'ready' }
  })

  app.get('/metrics', async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
}
