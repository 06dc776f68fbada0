/** An import into the database, without a server. */
import { type ImportRefusal, newCredentialSchema } from '@roost/protocol'
import { addCredential, findVapidCredential } from '../../credentials/credentials.ts'
import { ROOST } from '../../credentials/history.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { csvLine } from '../../transfer/csv.ts'
import { draftOptions, readRefusals, runImport, startImport, viewOfImport } from '../../transfer/import.ts'
import type { Opened } from '../beside/open.ts'
import { hashOf, readFrom } from './file.ts'
import type { ImportOrder, ImportTarget, VapidKeys } from './import-target.ts'

export function databaseTarget(opened: Opened): ImportTarget {
  const { db, appId, allowPrivateEndpoints } = opened
  return {
    addVapidKeys: keys => addVapidKeys(keys, opened),
    draftOptions: asOf => draftOptions(db, { appId, asOf, allowPrivateEndpoints }),
    store: order => store(order, opened),
    refusals: async (id, format) => textOf(readRefusals(db, id), format === 'csv'),
  }
}

async function store(order: ImportOrder, { db, appId, allowPrivateEndpoints }: Opened) {
  const { file, settings, asOf, signal, onRead } = order
  const started = await startImport(
    db,
    { appId, settings, asOf, sha256: await hashOf(file), at: systemClock.now() },
    order.isAgain,
  )
  const before = viewOfImport(started)
  if (before.state === 'done') return before
  order.onStart(before)
  return runImport({
    db,
    appId,
    importId: started.id,
    source: readFrom(file, { from: started.byteOffset, signal, onRead }),
    isFinal: true,
    allowPrivateEndpoints,
    now: () => systemClock.now(),
    onProgress: order.onProgress,
  })
}

/** R28: with their keys the subscriptions of another system go on. */
async function addVapidKeys(keys: VapidKeys, { db, seal, appId }: Opened): Promise<void> {
  if ((await findVapidCredential(db, { appId, publicKey: keys.publicKey })) !== null) return
  const input = newCredentialSchema.safeParse({ gateway: 'webpush', kind: 'vapid', ...keys })
  if (!input.success)
    throw new StartError(
      'the file of --vapid-keys holds no VAPID key pair',
      'Write {"publicKey","privateKey","subject"}, base64url.',
    )
  await db.transaction(tx =>
    addCredential(tx, seal, { appId, input: input.data, by: ROOST, at: systemClock.now() }),
  )
}

async function* textOf(
  pages: AsyncIterable<readonly ImportRefusal[]>,
  isCsv: boolean,
): AsyncGenerator<string> {
  if (isCsv) yield csvLine(['row', 'line', 'field', 'code', 'detail'])
  for await (const page of pages)
    yield page
      .map(it =>
        isCsv ? csvLine([it.row, it.line, it.field, it.code, it.detail]) : `${JSON.stringify(it)}\n`,
      )
      .join('')
}
