/** A value once it has rested: what is asked for while somebody types is asked with each pause and not with each key. */
import { useDebouncedValue } from '@mantine/hooks'
import { useMemo } from 'react'

const PAUSE_MS = 450

/** The same object as long as its content is the same. */
export function useSettled<T extends object>(value: T | undefined): T | undefined {
  const text = JSON.stringify(value)
  const [settled] = useDebouncedValue(text, PAUSE_MS)
  return useMemo(() => (settled === undefined ? undefined : (JSON.parse(settled) as T)), [settled])
}
