/** Lists of ids that conditions name; CSV and NDJSON are read while they arrive. */
import { Readable } from 'node:stream'
import {
  addedSchema,
  changedListSchema,
  type ListView,
  listSchema,
  newListSchema,
  PushError,
} from '@roost/protocol'
import type { FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { z } from 'zod'
import { deleteList } from '../../../audience/list-deletion.ts'
import {
  addFile,
  changeList,
  createList,
  listLists,
  readList,
  readUnknown,
  renameList,
} from '../../../audience/lists.ts'
import type { HttpContext } from '../../context.ts'
import { appParamsSchema } from '../apps/schema.ts'
import { editHeadersSchema, unchangedOf, withEtag } from '../editing.ts'

const tags = ['lists']
const listParamsSchema = z.object({ app: z.string(), list: z.uuid() })

/** For the ETag: ids that are added and removed overwrite nobody's. */
function nameOf({ name }: ListView): unknown {
  return { name }
}

const partQuerySchema = z.strictObject({
  /** `false`: more is to come, and no condition may name the list before. */
  final: z.enum(['true', 'false']).default('true'),
})

export async function listRoutes(instance: FastifyInstance, context: HttpContext): Promise<void> {
  const app = instance.withTypeProvider<ZodTypeProvider>()
  const { db, clock } = context
  const now = () => clock.now()
  // CSV and NDJSON are handed on as they come; JSON keeps its own parser.
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload))

  app.get(
    '/apps/:app/lists',
    {
      schema: {
        tags,
        summary: 'List the lists of ids, newest first',
        params: appParamsSchema,
        response: { 200: z.object({ lists: z.array(listSchema) }) },
      },
    },
    async ({ params }) => {
      const { id: appId } = await context.apps.find(params.app)
      return { lists: await listLists(db, appId) }
    },
  )

  app.post(
    '/apps/:app/lists',
    {
      schema: {
        tags,
        summary: 'Make a list of hwids or user ids, at once with up to 1 MiB of them',
        params: appParamsSchema,
        body: newListSchema,
        response: { 201: addedSchema.extend({ id: z.string() }) },
      },
    },
    async ({ params, body }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      const { ids, ...list } = body
      const id = await createList(db, { ...list, appId, at: now() })
      const add = [...new Set(ids ?? [])]
      const added = await changeList(db, { appId, id, add, remove: [], isFinal: ids !== undefined, now })
      return reply.code(201).send({ id, ...added })
    },
  )

  app.get(
    '/apps/:app/lists/:list',
    {
      schema: { tags, summary: 'Read a list', params: listParamsSchema, response: { 200: listSchema } },
    },
    async ({ params }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      return withEtag(reply, await readList(db, { appId, id: params.list }), nameOf)
    },
  )

  app.patch(
    '/apps/:app/lists/:list',
    {
      schema: {
        tags,
        summary: 'Rename a list, add ids and remove ids; repeating it changes nothing',
        params: listParamsSchema,
        headers: editHeadersSchema,
        body: changedListSchema,
        response: { 200: addedSchema },
      },
    },
    async (request, reply) => {
      const { params, body } = request
      const { id: appId } = await context.apps.find(params.app)
      const key = { appId, id: params.list }
      const unchanged = unchangedOf(request, {
        name: `list ${key.id}`,
        read: async tx => nameOf(await readList(tx, key)),
      })
      await db.transaction(async tx => {
        await unchanged?.(tx)
        if (body.name !== undefined) await renameList(tx, key, body.name)
      })
      const [add, remove] = [[...new Set(body.add ?? [])], body.remove ?? []]
      const changed = await changeList(db, { ...key, add, remove, isFinal: false, now })
      return withEtag(reply, changed, it => nameOf(it.list))
    },
  )

  app.post(
    '/apps/:app/lists/:list/ids',
    {
      schema: {
        tags,
        summary: 'Add ids from a CSV or NDJSON file of any length; repeating it changes nothing',
        description:
          'text/csv: a column `hwid` or `user_id`, or one column without a header. application/x-ndjson: each line an id or an object with it.',
        params: listParamsSchema,
        querystring: partQuerySchema,
        response: { 200: addedSchema },
      },
    },
    async ({ params, query, body, headers }) => {
      const { id: appId } = await context.apps.find(params.app)
      const type = headers['content-type'] ?? ''
      const format = /csv/i.test(type) ? 'csv' : /ndjson|jsonl/i.test(type) ? 'ndjson' : undefined
      if (!(body instanceof Readable) || format === undefined)
        throw new PushError('input_invalid', 'the file is sent as text/csv or application/x-ndjson')
      const isFinal = query.final === 'true'
      return addFile(db, { appId, id: params.list, source: body, format, isFinal, now })
    },
  )

  app.get(
    '/apps/:app/lists/:list/unknown',
    {
      schema: {
        tags,
        summary: 'Read the ids of a list that this app knows no device of, one a line, each in JSON',
        params: listParamsSchema,
      },
    },
    async ({ params }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      const { kind } = await readList(db, { appId, id: params.list })
      const lines = async function* () {
        for await (const page of readUnknown(db, { appId, id: params.list, kind }))
          yield page.map(id => `${JSON.stringify(id)}\n`).join('')
      }
      return reply.type('application/x-ndjson').send(Readable.from(lines()))
    },
  )

  app.delete(
    '/apps/:app/lists/:list',
    {
      schema: {
        tags,
        summary: 'Delete a list that no message under way names',
        params: listParamsSchema,
        response: { 204: z.null() },
      },
    },
    async ({ params }, reply) => {
      const { id: appId } = await context.apps.find(params.app)
      await deleteList(db, { appId, id: params.list })
      return reply.code(204).send(null)
    },
  )
}
