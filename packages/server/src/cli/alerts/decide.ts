/** `roost alerts list`, `release`, `forget` and `close`. */
import type { AlertView } from '@roost/protocol'
import { closeAlert, listAlerts, readAlert } from '../../hygiene/alerts.ts'
import { decideHeld, requireEmpty, requireHolding } from '../../hygiene/guard.ts'
import { StartError } from '../../store/folder.ts'
import { systemClock } from '../../time.ts'
import { withApp } from '../beside/open.ts'
import { plain } from '../plain.ts'

interface Options {
  readonly app: string
  readonly json?: boolean
}

export async function list({
  app,
  state,
  json,
}: Options & { readonly state?: AlertView['state'] }): Promise<void> {
  await withApp(app, async ({ db, appId }) => {
    const alerts = await listAlerts(db, { appId, state: state ?? '' })
    print(json ? JSON.stringify({ alerts }) : plain(alerts).map(wordsOf).join('\n') || 'no alerts')
  })
}

function wordsOf({ id, kind, state, openedAt, closedBy, held, data, remedy }: AlertView): string {
  const end = closedBy === null ? state : `${state} by ${closedBy}`
  const holds = held === 0 ? '' : `, holds ${held}`
  return `${id} ${openedAt} ${kind}: ${end}${holds}\n  ${JSON.stringify(data)}\n  → ${remedy}`
}

const STATES = { release: 'released', forget: 'forgotten', close: 'closed' } as const

export async function decide(verb: keyof typeof STATES, id: string, { app, json }: Options): Promise<void> {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(id))
    throw new StartError(`"${id}" is no id of an alert`, 'roost alerts list has them.')
  await withApp(app, async ({ db, appId }) => {
    const key = { appId, id }
    const isHolding = verb !== 'close'
    await (isHolding ? requireHolding : requireEmpty)(db, key)
    const closing = { ...key, state: STATES[verb], by: `roost alerts ${verb}`, at: systemClock.now() }
    const changed = isHolding ? await decideHeld(db, closing) : 0
    if (!isHolding) await closeAlert(db, closing)
    const alert = await readAlert(db, key)
    print(json ? JSON.stringify({ changed, alert }) : `${alert.state}; ${changed} addresses changed`)
  })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
