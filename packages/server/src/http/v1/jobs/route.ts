/** Background jobs: their times, the record of their runs, and running one now. docs/hygiene.md tells what they do. */
import { jobListSchema, PushError } from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { isJobName, JOBS, type JobName } from '../../../jobs/jobs.ts'
import { isOfApps, listJobs, listJobsOfApp } from '../../../jobs/list.ts'
import { listRuns, listRunsOfApp } from '../../../jobs/runs.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import {
  announcedSchema,
  jobOfAppParamsSchema,
  jobParamsSchema,
  runListSchema,
  runQuerySchema,
} from './schema.ts'

const tags = ['jobs']

export async function jobRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db } = context
  await instance.register(routesOfApp, context)

  app.get(
    '/jobs',
    {
      schema: {
        tags,
        summary: 'List the background jobs, and the last run of each that had something to do',
        response: { 200: jobListSchema },
      },
    },
    async () => listJobs(db, context.clock.now()),
  )

  app.get(
    '/jobs/:name/runs',
    {
      schema: {
        tags,
        summary:
          'List the runs of a job that had something to do, the newest first; they are kept for 30 days',
        params: jobParamsSchema,
        querystring: runQuerySchema,
        response: { 200: runListSchema },
      },
    },
    async request => ({
      runs: await listRuns(db, { name: nameOf(request.params.name), limit: request.query.limit }),
    }),
  )

  app.post(
    '/jobs/:name/runs',
    {
      schema: {
        tags,
        summary: 'Run a job now instead of at its next time; its runs tell what came of it',
        params: jobParamsSchema,
        response: { 202: announcedSchema },
      },
    },
    async (request, reply) => {
      const name = nameOf(request.params.name)
      context.runSoon(name)
      return reply.code(202).send({ name })
    },
  )
}

/** Of one app: jobs that work app by app, and of their runs what they did there. */
async function routesOfApp(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context

  app.get(
    '/apps/:app/jobs',
    {
      schema: {
        tags,
        summary: 'List the background jobs that work for this app by itself, and the last run of each',
        params: appParamsSchema,
        response: { 200: jobListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      return listJobsOfApp(db, { appId, at: clock.now() })
    },
  )

  app.get(
    '/apps/:app/jobs/:name/runs',
    {
      schema: {
        tags,
        summary: 'List what the runs of a job did in this app, the newest first; they are kept for 30 days',
        params: jobOfAppParamsSchema,
        querystring: runQuerySchema,
        response: { 200: runListSchema },
      },
    },
    async request => {
      const { id: appId } = await context.apps.find(request.params.app)
      const name = nameOfApps(request.params.name)
      return { runs: await listRunsOfApp(db, { appId, name, limit: request.query.limit }) }
    },
  )

  app.post(
    '/apps/:app/jobs/:name/runs',
    {
      schema: {
        tags,
        summary: 'Run a job now for this app alone; its runs tell what came of it',
        params: jobOfAppParamsSchema,
        response: { 202: announcedSchema },
      },
    },
    async (request, reply) => {
      const { id } = await context.apps.find(request.params.app)
      const name = nameOfApps(request.params.name)
      context.runSoon(name, id)
      return reply.code(202).send({ name })
    },
  )
}

/** Throws `job_unknown`, also for one that works for all apps at once. */
function nameOfApps(name: string): JobName {
  const known = nameOf(name)
  if (isOfApps(known)) return known
  throw new PushError('job_unknown', `${name} works for all apps at once; GET /v1/jobs tells of it`)
}

/** Throws `job_unknown`. */
function nameOf(name: string): JobName {
  if (isJobName(name)) return name
  throw new PushError('job_unknown', `there is no job "${name}"; there are ${Object.keys(JOBS).join(', ')}`)
}
