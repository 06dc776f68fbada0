/** Asks anew for what no event is about, when a value that goes with it has changed. */
import { type QueryKey, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'

/** `sign`: of the live picture; undefined while it is not there. One that comes after the page has begun to read may tell of what the read has missed. */
export function useRefreshOn(
  sign: string | undefined,
  queryKey: QueryKey,
  { exact = false }: { readonly exact?: boolean } = {},
): void {
  const client = useQueryClient()
  const known = useRef<{ readonly sign: string | undefined }>(undefined)
  const key = JSON.stringify(queryKey)
  useEffect(() => {
    const before = known.current
    if (before && sign === undefined) return // the stream broke: what it told last is what the next is compared with
    known.current = { sign }
    if (before && before.sign !== sign)
      void client.invalidateQueries({ queryKey: JSON.parse(key) as QueryKey, exact })
  }, [client, exact, key, sign])
}
