/** `roost removals undo`. */
import { type UndoFilter, undoFilterSchema, wordOf } from '@roost/protocol'
import { previewUndo, readUndo, startUndo, undoNext } from '../../hygiene/undo.ts'
import type { Database } from '../../store/database.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { withApp } from '../beside/open.ts'
import { plain } from '../plain.ts'
import { timeOf } from './time.ts'

interface Options {
  readonly app: string
  readonly message?: string
  readonly reason?: readonly string[]
  readonly from?: string
  readonly to?: string
  readonly dryRun?: boolean
  readonly json?: boolean
}

export async function undo(options: Options): Promise<void> {
  const filter = filterOf(options)
  await withApp(options.app, ({ db, appId }) =>
    filter.dryRun
      ? preview(db, { appId, filter, json: options.json })
      : run(db, { appId, filter, json: options.json }),
  )
}

function filterOf({ message, reason, from, to, dryRun }: Options): UndoFilter {
  const iso = (option: string, text: string | undefined) => {
    const ms = timeOf(option, text)
    return ms === undefined ? undefined : new Date(ms).toISOString()
  }
  const said = { messageId: message, reasons: reason, from: iso('--from', from), to: iso('--to', to), dryRun }
  const filter = undoFilterSchema.safeParse(
    Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined)),
    { error: wordOf },
  )
  if (filter.success) return filter.data
  const words = filter.error.issues.map(it => [...it.path, it.message].join(' ')).join('; ')
  throw new StartError(
    `what to take back: ${words}`,
    'Name one of --message <id>, --reason <name…>, --from <time>.',
  )
}

interface Undoing {
  readonly appId: number
  readonly filter: UndoFilter
  readonly json: boolean | undefined
}

async function preview(db: Database, { appId, filter, json }: Undoing): Promise<void> {
  const found = await previewUndo(db, { appId, filter, at: systemClock.now() })
  if (json) return print(JSON.stringify(found))
  const lines = found.byReason.map(
    it => `  ${it.provider} ${plain(it.reason ?? '–')}: ${it.restorable} of ${it.matched}`,
  )
  print([`${found.restorable} of ${found.matched} removals would be taken back`, ...lines].join('\n'))
}

async function run(db: Database, { appId, filter, json }: Undoing): Promise<void> {
  const at = systemClock.now()
  let undone = await startUndo(db, { appId, filter, at, by: 'roost removals undo' })
  const wordsOf = () => `${undone.restored} taken back, ${undone.matched} of ${undone.total} looked at`
  while (undone.state === 'running') {
    if (!json && process.stderr.isTTY) process.stderr.write(`\r${wordsOf()}`)
    await undoNext(db, undone.id, at)
    undone = await readUndo(db, { appId, id: undone.id })
  }
  if (!json && process.stderr.isTTY) process.stderr.write('\n')
  print(json ? JSON.stringify(undone) : wordsOf())
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
