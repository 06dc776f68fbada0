/** What went to somebody's devices, as one time line: the same message to several of them stands once for each. */
import type { TimeLineEntry } from '@roost/protocol'

const KINDS: ReadonlySet<TimeLineEntry['kind']> = new Set(['message', 'receipt'])

/** Newest first. */
export function messagesOf(
  timeLines: readonly (readonly TimeLineEntry[])[],
  most: number,
): readonly TimeLineEntry[] {
  return timeLines
    .flat()
    .filter(({ kind }) => KINDS.has(kind))
    .sort((one, other) => Date.parse(other.at) - Date.parse(one.at))
    .slice(0, most)
}
