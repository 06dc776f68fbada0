/** Asks anew for what no event is about, when a value that goes with it has changed. */
import { type QueryKey, useQueryClient } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'

/** `sign`: of the live picture; undefined while it is not there. The first one that comes asks for nothing. */
export function useRefreshOn(sign: string | undefined, queryKey: QueryKey): void {
  const client = useQueryClient()
  const known = useRef<string>(undefined)
  const key = JSON.stringify(queryKey)
  useEffect(() => {
    if (sign === undefined) return
    if (known.current !== undefined && known.current !== sign)
      void client.invalidateQueries({ queryKey: JSON.parse(key) as QueryKey })
    known.current = sign
  }, [client, key, sign])
}
