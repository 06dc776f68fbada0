/** What `roost schedules` and `roost triggers` ask of the server, and how they tell the answers. */
import { readFile } from 'node:fs/promises'
import type { ScheduleView, TriggerView } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { plain } from '../plain.ts'
import { ServerCaller } from '../server/caller.ts'

export type Kind = 'schedule' | 'trigger'
type View = ScheduleView | TriggerView

export interface Options {
  readonly app: string
  readonly url: string
  readonly token?: string
  readonly json?: boolean
}

interface Given extends Options {
  /** Id or name. */
  readonly given: string
}

export type Print = (line: string) => void

export async function list(kind: Kind, options: Options, print: Print): Promise<void> {
  const views = await readAll(new ServerCaller(options), kind)
  if (options.json) return print(JSON.stringify({ [`${kind}s`]: views }))
  print(plain(views).flatMap(linesOf).join('\n') || `no ${kind}s`)
}

export async function show(kind: Kind, options: Given, print: Print): Promise<void> {
  const server = new ServerCaller(options)
  const { id } = await find(server, kind, options.given)
  tell(await server.json<View>('GET', `/${kind}s/${id}`), options, print)
}

export async function create(
  kind: Kind,
  options: Options & { readonly file: string },
  print: Print,
): Promise<void> {
  const body = await readJson(options.file)
  tell(await new ServerCaller(options).json<View>('POST', `/${kind}s`, body), options, print)
}

export async function change(
  kind: Kind,
  options: Given & { readonly verb: 'pause' | 'resume' },
  print: Print,
): Promise<void> {
  const server = new ServerCaller(options)
  const { id } = await find(server, kind, options.given)
  tell(await server.json<View>('POST', `/${kind}s/${id}/${options.verb}`), options, print)
}

export async function remove(kind: Kind, options: Given, print: Print): Promise<void> {
  const server = new ServerCaller(options)
  const { id, name } = await find(server, kind, options.given)
  await server.json('DELETE', `/${kind}s/${id}`)
  print(options.json ? JSON.stringify({ id }) : `deleted ${id} "${plain(name)}"`)
}

function tell(view: View, { json }: Options, print: Print): void {
  print(json ? JSON.stringify(view) : linesOf(plain(view)).join('\n'))
}

async function readAll(server: ServerCaller, kind: Kind): Promise<readonly View[]> {
  const answer = await server.json<Readonly<Record<string, readonly View[]>>>('GET', `/${kind}s`)
  return answer[`${kind}s`] ?? []
}

/** A name is borne once in an app, whatever its case. Throws StartError. */
async function find(server: ServerCaller, kind: Kind, given: string): Promise<View> {
  const wanted = given.toLowerCase()
  const found = (await readAll(server, kind)).find(it => it.id === wanted || it.name.toLowerCase() === wanted)
  if (found !== undefined) return found
  throw new StartError(
    `the app has no ${kind} ${JSON.stringify(given)}`,
    `\`roost ${kind}s list\` shows those that it has.`,
  )
}

async function readJson(path: string): Promise<object> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new StartError(`${path} can't be read: ${error.message}`, 'Give the path of a JSON file.')
  })
  try {
    return JSON.parse(text) as object
  } catch (error) {
    throw new StartError(
      `${path} is no JSON: ${(error as Error).message}`,
      'docs/messages.md has an example to begin with.',
    )
  }
}

function linesOf(view: View): string[] {
  const { id, name, state, lastFault } = view
  return [
    `${id} "${name}" ${state}`,
    ...('cron' in view ? wordsOfSchedule(view) : wordsOfTrigger(view)).map(it => `  ${it}`),
    ...(lastFault === null ? [] : [`  last fault: ${lastFault}`]),
  ]
}

function wordsOfSchedule(view: ScheduleView): string[] {
  const { cron, timeZone, localTime, nextRunAt, lastRunAt, lastMessageId } = view
  const clock = localTime === null ? `in ${timeZone ?? 'the app’s time zone'}` : 'by the clock of each device'
  const last =
    lastRunAt === null ? 'never run yet' : `last at ${lastRunAt}, message ${lastMessageId ?? 'none'}`
  return [`${cron} ${clock}`, `${nextRunAt === null ? 'no next run' : `next at ${nextRunAt}`}; ${last}`]
}

function wordsOfTrigger({ event, delaySeconds, oncePerDays, cancelledBy, counts }: TriggerView): string[] {
  const { waiting, unsent, targeted, accepted, opened } = counts
  const reasons = Object.entries(unsent).filter(([, count]) => count > 0)
  return [
    [
      `on ${event}`,
      ...(delaySeconds === 0 ? [] : [`after ${delaySeconds} s`]),
      ...(oncePerDays === null ? [] : [`once in ${oncePerDays} days`]),
      ...(cancelledBy.length === 0 ? [] : [`cancelled by ${cancelledBy.join(', ')}`]),
    ].join(', '),
    `${waiting} waiting, ${targeted} targeted, ${accepted} accepted, ${opened} opened`,
    ...(reasons.length === 0
      ? []
      : [`not sent: ${reasons.map(([reason, count]) => `${count} ${reason}`).join(', ')}`]),
  ]
}
