/** An import through a running server, part by part; what it has taken it tells in each answer. */
import type { CredentialView, ImportView } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { type ServerCaller, ServerRefusal } from '../server/caller.ts'
import { hashOf, readFrom } from './file.ts'
import type { ImportOrder, ImportTarget, VapidKeys } from './import-target.ts'

export function serverTarget(server: ServerCaller): ImportTarget {
  return {
    addVapidKeys: keys => addVapidKeys(keys, server),
    draftOptions: () => {
      throw new StartError(
        '--dry-run can not be done through a server',
        'Leave --url out, on the machine of the database; with the embedded one the server has to be stopped.',
      )
    },
    store: order => store(order, server),
    refusals: (id, format) => server.stream(`/imports/${id}/refusals?format=${format}`),
  }
}

/** Far below what the server takes at once, so that a slow line has sent it within a minute. */
const PART_BYTES = 4 * 1024 * 1024

async function store(order: ImportOrder, server: ServerCaller): Promise<ImportView> {
  const { file, settings, asOf } = order
  let view = await server.json<ImportView>('POST', '/imports', {
    ...settings,
    asOf: new Date(asOf).toISOString(),
    sha256: (await hashOf(file)).toString('hex'),
    isAgain: order.isAgain,
  })
  if (view.state === 'done') return view
  order.onStart(view)
  for (;;)
    try {
      return await sendFrom(view, order, server)
    } catch (error) {
      if (!(error instanceof ServerRefusal && error.code === 'import_moved')) throw error
      // The server goes on with a part whose sender was killed: what it stores of that need not be sent again.
      const now = await server.json<ImportView>('GET', `/imports/${view.id}`)
      if (now.state === 'done') return now
      if (now.byteOffset <= view.byteOffset) throw error
      view = now
    }
}

async function sendFrom(start: ImportView, order: ImportOrder, server: ServerCaller): Promise<ImportView> {
  const { file, settings, signal, onRead } = order
  let view = start
  const type = settings.format === 'csv' ? 'text/csv' : 'application/x-ndjson'
  const send = async (body: Buffer, isFinal: boolean): Promise<Buffer> => {
    const { id, byteOffset } = view
    view = await server.put(`/imports/${id}/parts?offset=${byteOffset}&final=${isFinal}`, { type, body })
    order.onProgress(view)
    return body.subarray(view.byteOffset - byteOffset) // what follows its last whole record
  }
  let chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of readFrom(file, { from: view.byteOffset, signal, onRead })) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes < PART_BYTES) continue
    const rest = await send(Buffer.concat(chunks), false)
    chunks = [rest]
    bytes = rest.length
  }
  await send(Buffer.concat(chunks), true)
  return view
}

async function addVapidKeys(keys: VapidKeys, server: ServerCaller): Promise<void> {
  const { credentials } = await server.json<{ credentials: CredentialView[] }>('GET', '/credentials')
  const wanted = Buffer.from(keys.publicKey, 'base64').toString('base64url')
  if (credentials.some(it => it.gateway === 'webpush' && it.settings.publicKey === wanted)) return
  await server.json('POST', '/credentials', { gateway: 'webpush', kind: 'vapid', ...keys })
}
