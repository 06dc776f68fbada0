/** What is going on in an app: the whole picture that a stream begins with, and what changes in it. */
import type { LiveEvents, LiveKind, LivePicture } from '@roost/protocol'
import type { ServerEvent } from './events.ts'

type Change = Exclude<keyof LiveEvents, 'picture' | 'gone'>

interface Identified {
  readonly id?: string
  readonly name?: string
}

/** In which list of the picture each kind stands; the others are one value. */
const LISTS = {
  message: 'messages',
  alert: 'alerts',
  job: 'jobs',
  credential: 'credentials',
  work: 'works',
} as const

const KINDS: readonly Change[] = [...(Object.keys(LISTS) as (keyof typeof LISTS)[]), 'devices', 'trouble']

/** The picture after an event; the same one when the event is of a newer server. */
export function applyEvent(picture: LivePicture | undefined, event: ServerEvent): LivePicture | undefined {
  if (event.name === 'picture') return JSON.parse(event.data) as LivePicture
  if (!picture) return undefined
  if (event.name === 'gone') return withoutEntry(picture, JSON.parse(event.data) as LiveEvents['gone'])
  if (!isChange(event.name)) return picture
  return withEntry(picture, event.name, JSON.parse(event.data) as Identified)
}

/** What is not the same in both: where nobody has looked on in between, it may have changed. */
export function kindsChanged(before: LivePicture, now: LivePicture): readonly LiveKind[] {
  const partOf = (picture: LivePicture, kind: Change): unknown =>
    kind === 'devices' || kind === 'trouble' ? picture[kind] : picture[LISTS[kind]]
  return KINDS.filter(kind => JSON.stringify(partOf(before, kind)) !== JSON.stringify(partOf(now, kind)))
}

/** What an event is about; undefined where it is about everything. */
export function kindOf(event: ServerEvent): LiveKind | undefined {
  if (event.name === 'gone') return (JSON.parse(event.data) as LiveEvents['gone']).kind
  return isChange(event.name) ? event.name : undefined
}

function isChange(name: string): name is Change {
  return name in LISTS || name === 'devices' || name === 'trouble'
}

function withEntry(picture: LivePicture, kind: Change, entry: Identified): LivePicture {
  if (kind === 'devices' || kind === 'trouble') return { ...picture, [kind]: entry }
  const entries = picture[LISTS[kind]] as readonly Identified[]
  const at = entries.findIndex(each => idOf(each) === idOf(entry))
  // the newest come first
  return { ...picture, [LISTS[kind]]: at < 0 ? [entry, ...entries] : entries.with(at, entry) }
}

function withoutEntry(picture: LivePicture, { kind, id }: LiveEvents['gone']): LivePicture {
  if (kind === 'devices' || kind === 'trouble') return { ...picture, [kind]: null }
  const list = LISTS[kind] as (typeof LISTS)[keyof typeof LISTS] | undefined
  if (list === undefined) return picture
  return { ...picture, [list]: (picture[list] as readonly Identified[]).filter(each => idOf(each) !== id) }
}

/** A job is known by its name. */
function idOf({ id, name }: Identified): string | undefined {
  return id ?? name
}
