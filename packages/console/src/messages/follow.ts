/**
 * Messages as the stream tells them, laid over what was read: bars move without a question to the server. What the
 * stream doesn't tell (reach, variants) is asked for anew when the numbers have changed, and not more often than given.
 */
import type { ListedMessage } from '@roost/protocol'
import { type QueryKey, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useLive } from '../live/live.tsx'
import { markOfList, withTold } from './told.ts'

/** The list asks anew when what the stream tells makes it another one. */
export function useFollowedList<Row extends ListedMessage>(
  app: string,
  rows: readonly Row[],
): readonly Row[] {
  const live = useLive()
  useAnew({ key: [app, 'messageList'], mark: markOfList(live), everyMs: 1_000 })
  return rows.map(row => withTold(row, live))
}

export interface Anew {
  readonly key: QueryKey
  /** Asked anew when this changes, and when it comes after the page has begun to read; '' is no mark yet. */
  readonly mark: string
  readonly everyMs: number
}

export function useAnew({ key, mark, everyMs }: Anew): void {
  const client = useQueryClient()
  const seen = useRef<{ readonly mark: string; readonly atMs: number }>(undefined)
  const name = JSON.stringify(key)
  useEffect(() => {
    // What is read from now on is not older than the mark that is there. Without one, the first that comes may tell of what the read has missed.
    seen.current ??= { mark, atMs: Date.now() }
    const { mark: before, atMs } = seen.current
    if (mark === '' || mark === before) return undefined
    const timer = setTimeout(
      () => {
        seen.current = { mark, atMs: Date.now() }
        void client.invalidateQueries({ queryKey: JSON.parse(name) as QueryKey })
      },
      Math.max(0, atMs + everyMs - Date.now()),
    )
    return () => clearTimeout(timer)
  }, [client, name, mark, everyMs])
}
