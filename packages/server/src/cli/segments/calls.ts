/** What `roost segments` asks of the server, and how it tells the answers. */
import { readFile } from 'node:fs/promises'
import type { CompiledSegment, SegmentSize, SegmentView } from '@roost/protocol'
import { StartError } from '../../store/folder.ts'
import { plain } from '../plain.ts'
import { ServerCaller } from '../server/caller.ts'

export interface Options {
  readonly app: string
  readonly url: string
  readonly token?: string
  readonly json?: boolean
}

interface Given {
  readonly expression?: string
  /** JSON, or `@` and the path of a file with it. */
  readonly condition?: string
}

interface Counted {
  readonly exact?: boolean
  readonly reach?: boolean
}

export type Print = (line: string) => void

export async function list(options: Options, print: Print): Promise<void> {
  const { segments } = await readAll(new ServerCaller(options))
  if (options.json) return print(JSON.stringify({ segments }))
  print(plain(segments).map(wordsOf).join('\n') || 'no segments')
}

export async function show(given: string, options: Options, print: Print): Promise<void> {
  const segment = await find(new ServerCaller(options), given)
  print(
    options.json ? JSON.stringify(segment) : [wordsOf(plain(segment)), ...runsOf(plain(segment))].join('\n'),
  )
}

export async function create(
  name: string,
  options: Options & Given & { readonly nightly?: boolean; readonly hour?: number },
  print: Print,
): Promise<void> {
  const { nightly, hour } = options
  const body = {
    name,
    ...(await conditionOf(options)),
    ...(nightly === true && { mode: 'nightly' }),
    ...(hour !== undefined && { hour }),
  }
  const made = await new ServerCaller(options).json<{ id: string }>('POST', '/segments', body)
  print(options.json ? JSON.stringify(made) : made.id)
}

export async function remove(given: string, options: Options, print: Print): Promise<void> {
  const server = new ServerCaller(options)
  const { id, name } = await find(server, given)
  await server.json('DELETE', `/segments/${id}`)
  print(options.json ? JSON.stringify({ id }) : `deleted ${id} "${name}"`)
}

export async function compute(given: string, options: Options, print: Print): Promise<void> {
  const server = new ServerCaller(options)
  const { id } = await find(server, given)
  const segment = await server.json<SegmentView>('POST', `/segments/${id}/compute`)
  print(
    options.json
      ? JSON.stringify(segment)
      : 'it is being computed; `roost segments show` tells how far it is',
  )
}

export async function size(given: string, options: Options & Counted, print: Print): Promise<void> {
  const server = new ServerCaller(options)
  const { id } = await find(server, given)
  const query = new URLSearchParams({
    ...(options.exact === true && { exact: 'true' }),
    ...(options.reach === true && { reach: 'true' }),
  })
  const found = await server.json<SegmentSize>('GET', `/segments/${id}/size?${query}`)
  print(options.json ? JSON.stringify(found) : wordsOfSize(found).join('\n'))
}

export async function compile(
  expression: string | undefined,
  options: Options & Given & Counted,
  print: Print,
): Promise<void> {
  const given = expression === undefined ? options : { ...options, expression }
  const { exact, reach } = options
  const body = {
    ...(await conditionOf(given)),
    ...(exact !== undefined && { exact }),
    ...(reach !== undefined && { reach }),
  }
  const compiled = await new ServerCaller(options).json<CompiledSegment>('POST', '/segments/compile', body)
  if (options.json) return print(JSON.stringify(compiled))
  print([compiled.expression, JSON.stringify(compiled.condition), ...wordsOfSize(compiled.size)].join('\n'))
}

async function readAll(server: ServerCaller): Promise<{ readonly segments: readonly SegmentView[] }> {
  return server.json('GET', '/segments')
}

/** By its id, its name or its code; of names that differ in case the one that is written like that. Throws StartError. */
export async function find(server: ServerCaller, given: string): Promise<SegmentView> {
  const { segments } = await readAll(server)
  const found =
    segments.find(it => it.id === given.toLowerCase()) ??
    segments.find(it => it.name === given) ??
    segments.find(it => it.code === given.toUpperCase()) ??
    segments.find(it => it.name.toLowerCase() === given.toLowerCase())
  if (found !== undefined) return found
  throw new StartError(
    `the app has no segment ${JSON.stringify(given)}`,
    '`roost segments list` shows those that it has.',
  )
}

async function conditionOf({ expression, condition }: Given): Promise<object> {
  if (expression !== undefined && condition === undefined) return { expression }
  if (condition === undefined || expression !== undefined)
    throw new StartError(
      'it is not said who is meant',
      'Give either --expression or --condition; --help has examples.',
    )
  const text = condition.startsWith('@') ? await readText(condition.slice(1)) : condition
  try {
    return { condition: JSON.parse(text) }
  } catch (error) {
    throw new StartError(
      `--condition is no JSON: ${(error as Error).message}`,
      'Write {"tag":"tier","op":"eq","value":"gold"}, or use --expression.',
    )
  }
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: Error) => {
    throw new StartError(`${path} can't be read: ${error.message}`, 'Give the path of a JSON file.')
  })
}

function wordsOf({ id, code, name, mode, expression, expiresAt }: SegmentView): string {
  const ends = expiresAt === null ? '' : `, until ${expiresAt}`
  return `${id} ${code} "${name}" ${mode}${ends}\n  ${expression}`
}

function runsOf({ nightly }: SegmentView): string[] {
  if (nightly === null) return []
  const { hour, nextRunAt, snapshot, running, failure } = nightly
  return [
    `  at ${hour} o’clock, next at ${nextRunAt}`,
    snapshot === null
      ? '  not computed yet: it is asked live'
      : `  ${snapshot.members} members as of ${snapshot.computedAt}, computed in ${(snapshot.durationMs / 1000).toFixed(1)} s`,
    ...(running === null ? [] : [`  running: ${Math.floor(running.progress * 100)} %`]),
    ...(failure === null ? [] : [`  failed at ${failure.failedAt}: ${failure.error}`]),
  ]
}

function wordsOfSize({ estimate, errorPercent, exact, asOf, reach }: SegmentSize): string[] {
  const many = exact === null ? `about ${estimate} ± ${errorPercent} %` : String(exact)
  const { withAddress, valid, permitted } = reach ?? {}
  return [
    `${many} devices as of ${asOf}`,
    ...(reach === null
      ? []
      : [
          `  ${withAddress} have or had an address, ${valid} of them alive, ${permitted} of these may show something`,
        ]),
  ]
}
