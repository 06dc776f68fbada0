/**
 * Makes a message once, or changes one in place of which nothing has left.
 *
 * What is changed goes out from a reading: when somebody else has changed it since, the server refuses (`changed_meanwhile`), and so
 * it does when it has begun to be sent (`message_not_editable`). Every call may be repeated.
 */
import type { MessageView } from '@roost/protocol'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type Api, path } from '../api/client.ts'
import { useApi } from '../api/use-api.ts'
import type { Made } from './calls.ts'
import type { Asked } from './request.ts'

const TIMEOUT_MS = 60_000

const PLACES = { message: 'messages', schedule: 'schedules', trigger: 'triggers' } as const

export type Posted = Pick<Asked, 'kind' | 'body'>

/** Throws `ApiProblem`. */
export function post(api: Api, app: string, { kind, body }: Posted): Promise<Made> {
  return api.post(`${path`v1/apps/${app}`}/${PLACES[kind]}`, body, { timeoutMs: TIMEOUT_MS })
}

/** The message that is changed. */
export interface Edited {
  readonly id: string
  /** The ETag of the reading that the change goes out from; undefined: whatever it is by now. */
  readonly base: string | undefined
  /** What it asks for that the page has no fields for: it stays. */
  readonly unshown?: Posted['body'] | undefined
}

/** Throws `ApiProblem`. */
export async function change(
  api: Api,
  app: string,
  { id, base, unshown }: Edited,
  body: Posted['body'],
): Promise<Made> {
  const { id: made } = await api.put<MessageView>(
    path`v1/apps/${app}/messages/${id}`,
    { ...unshown, ...body },
    {
      timeoutMs: TIMEOUT_MS,
      ifMatch: base,
    },
  )
  return { id: made }
}

export interface Sending {
  readonly isPending: boolean
  readonly error: Error | null
  readonly reset: () => void
  /** `edited`: it is not made but takes the place of that one. */
  readonly send: (
    posted: Posted & { readonly edited?: Edited | undefined },
    onMade: (made: Made) => void,
  ) => void
}

export function useSending(app: string): Sending {
  const api = useApi()
  const client = useQueryClient()
  const { mutate, isPending, error, reset } = useMutation({
    networkMode: 'always',
    mutationFn: ({ edited, ...posted }: Parameters<Sending['send']>[0]) =>
      edited === undefined ? post(api, app, posted) : change(api, app, edited, posted.body),
    onSettled: (_made, _error, { edited }) =>
      Promise.all(
        [...Object.values(PLACES), 'messageList', ...(edited ? ['message'] : [])].map(place =>
          client.invalidateQueries({ queryKey: [app, place] }),
        ),
      ),
  })
  return {
    isPending,
    error,
    reset: () => error && reset(),
    send: (posted, onMade) => {
      // a second click while the first is on its way
      if (!isPending) mutate(posted, { onSuccess: onMade })
    },
  }
}
