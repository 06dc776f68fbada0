/**
 * Imports over HTTP: a file is sent in parts. Each answer tells the byte up to which everything is stored; the next part
 * begins there, and so does the first one after a break. A part may end anywhere, also within a row.
 */
import { Readable } from 'node:stream'
import {
  IMPORT_PART_BYTES,
  importDryRunSchema,
  importSchema,
  newImportSchema,
  PushError,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { csvLine } from '../../../transfer/csv.ts'
import { dryRunImport } from '../../../transfer/dry-run.ts'
import {
  draftOptions,
  listImports,
  readImport,
  readRefusals,
  runImport,
  startImport,
  viewOfImport,
} from '../../../transfer/import.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import {
  dryRunQuerySchema,
  importParamsSchema,
  partQuerySchema,
  refusalsQuerySchema,
} from './transfer-schema.ts'

const tags = ['imports']
const NO_PART = ['input_invalid', 'the part is sent as text/csv or application/x-ndjson'] as const

export async function importRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  // CSV, NDJSON, whatever the client calls it; JSON keeps its own parser.
  app.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: IMPORT_PART_BYTES }, (_request, body, done) =>
    done(null, body),
  )

  app.post(
    '/apps/:app/imports',
    {
      schema: {
        tags,
        summary: 'Begin an import of devices, or find the one of the same file',
        params: appParamsSchema,
        body: newImportSchema,
        response: { 201: importSchema },
      },
    },
    async (request, reply) => {
      const { id: appId } = await context.apps.find(request.params.app)
      const { asOf, sha256, isAgain, ...settings } = request.body
      const at = context.clock.now()
      const start = {
        appId,
        settings,
        asOf: asOf === undefined ? at : Math.min(Date.parse(asOf), at),
        sha256: sha256 === undefined ? null : Buffer.from(sha256, 'hex'),
        at,
      }
      const started = await startImport(context.db, start, isAgain)
      return reply.code(201).send(viewOfImport(started))
    },
  )

  app.get(
    '/apps/:app/imports',
    {
      schema: {
        tags,
        summary: 'List imports, the newest first, 50 at most',
        params: appParamsSchema,
        response: { 200: z.object({ imports: z.array(importSchema) }) },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return { imports: await listImports(context.db, appId) }
    },
  )

  app.post(
    '/apps/:app/imports/dry-run',
    {
      bodyLimit: IMPORT_PART_BYTES,
      schema: {
        tags,
        summary: 'Tell what an import of a file, or of its first 16 MiB, would bring; stores nothing',
        params: appParamsSchema,
        querystring: dryRunQuerySchema,
        response: { 200: importDryRunSchema },
      },
    },
    async ({ params, query, body }) => {
      const { id: appId } = await context.apps.find(params.app)
      const { final, asOf: made, mapping, format, platform = null, environment = null } = query
      if (!Buffer.isBuffer(body)) throw new PushError(...NO_PART)
      const now = context.clock.now()
      const asOf = made === undefined ? now : Math.min(Date.parse(made), now)
      const { db, allowPrivateEndpoints } = context
      return dryRunImport({
        source: Readable.from([body]),
        isFinal: final === 'true',
        settings: { mapping, format, platform, environment },
        options: await draftOptions(db, { appId, asOf, allowPrivateEndpoints }),
        asOf,
        now,
      })
    },
  )

  app.get(
    '/apps/:app/imports/:id',
    {
      schema: {
        tags,
        summary: 'Read how far an import is',
        params: importParamsSchema,
        response: { 200: importSchema },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return viewOfImport(await readImport(context.db, { appId, id: params.id }))
    },
  )

  app.put(
    '/apps/:app/imports/:id/parts',
    {
      bodyLimit: IMPORT_PART_BYTES,
      schema: {
        tags,
        summary: 'Send the next part of the file, up to 16 MiB',
        params: importParamsSchema,
        querystring: partQuerySchema,
        response: { 200: importSchema },
      },
    },
    async ({ params, query, body }) => {
      const { id: appId } = await context.apps.find(params.app)
      const { byteOffset, state } = await readImport(context.db, { appId, id: params.id })
      if (query.offset !== byteOffset || state === 'done')
        throw new PushError(
          'import_moved',
          `the part begins at byte ${query.offset}; import ${params.id} is ${state}, at byte ${byteOffset}`,
        )
      if (body !== undefined && !Buffer.isBuffer(body)) throw new PushError(...NO_PART)
      return runImport({
        db: context.db,
        appId,
        importId: params.id,
        source: Readable.from(Buffer.isBuffer(body) ? [body] : []),
        isFinal: query.final === 'true',
        allowPrivateEndpoints: context.allowPrivateEndpoints,
        now: () => context.clock.now(),
      })
    },
  )

  app.get(
    '/apps/:app/imports/:id/refusals',
    {
      schema: {
        tags,
        summary: 'Read which rows were refused, and why',
        params: importParamsSchema,
        querystring: refusalsQuerySchema,
      },
    },
    async ({ params, query }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      await readImport(context.db, { appId, id: params.id })
      const isCsv = query.format === 'csv'
      const lines = async function* () {
        if (isCsv) yield csvLine(['row', 'line', 'field', 'code', 'detail'])
        for await (const page of readRefusals(context.db, params.id))
          yield page
            .map(it =>
              isCsv ? csvLine([it.row, it.line, it.field, it.code, it.detail]) : `${JSON.stringify(it)}\n`,
            )
            .join('')
      }
      return reply
        .type(isCsv ? 'text/csv; charset=utf-8' : 'application/x-ndjson')
        .send(Readable.from(lines()))
    },
  )
}
