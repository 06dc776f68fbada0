/** `roost devices personal-data` and `roost devices erase`. */
import type { ErasureTarget } from '@roost/protocol'
import { erase, exportPerson } from '../../registry/erase/erase.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { withApp } from '../beside/open.ts'

interface Options {
  readonly app: string
  readonly hwid?: string
  readonly user?: string
}

/** One JSON object, by table. */
export async function printPersonalData({ app, ...named }: Options): Promise<void> {
  const target = targetOf(named)
  await withApp(app, async ({ db, appId }) => {
    process.stdout.write(`${JSON.stringify(await exportPerson(db, { appId, target }), null, 2)}\n`)
  })
}

export async function eraseTarget({
  app,
  json,
  ...named
}: Options & { readonly json?: boolean }): Promise<void> {
  const target = targetOf(named)
  await withApp(app, async ({ db, appId }) => {
    const view = await erase(db, { appId, target, by: 'roost devices erase', at: systemClock.now() })
    const rows = Object.entries(view.counts).map(([table, count]) => `${count} ${table}`)
    process.stdout.write(
      json ? `${JSON.stringify(view)}\n` : `erased (record ${view.id}): ${rows.join(', ')}\n`,
    )
  })
}

function targetOf({ hwid, user }: Omit<Options, 'app'>): ErasureTarget {
  if (hwid !== undefined && user === undefined) return { hwid }
  if (user !== undefined && hwid === undefined) return { userId: user }
  throw new StartError('name one device or one person', 'Give either --hwid or --user.')
}
