/** The console of one visitor: the connection to the server, who is signed in, and then the pages. */
import { MutationCache, QueryCache, type QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { type ReactElement, Suspense, useState, useSyncExternalStore } from 'react'
import { type Api, ApiProblem, createApi } from './api/client.ts'
import { FreshClient } from './api/fresh-client.ts'
import { Reachability } from './api/reachability.ts'
import { ApiContext } from './api/use-api.ts'
import { SessionOver } from './later.ts'
import { router } from './routes.tsx'
import { Gate } from './session/gate.tsx'
import type { Access } from './session/token.ts'
import { ReachabilityContext } from './shell/connection-line.tsx'

const MAX_RETRIES = 2
/** An answer is as good as new for so long: going back and forth between pages asks nothing. */
const FRESH_MS = 2_000

/** From the link that was opened. */
export interface Codes {
  readonly invitation: string | undefined
  readonly setupCode: string | undefined
}

export interface ConsoleProps {
  readonly access: Access
  readonly codes: Codes
}

export function Console({ access, codes }: ConsoleProps): ReactElement {
  const { token } = useSyncExternalStore(access.subscribe, access.state)
  // the key drops every cached answer of another token
  return <Opened key={token ?? ''} access={access} token={token} codes={codes} />
}

interface OpenedProps extends ConsoleProps {
  readonly token: string | undefined
}

function Opened({ access, token, codes }: OpenedProps): ReactElement {
  const [isOver, setOver] = useState(false)
  const [invitation, setInvitation] = useState(codes.invitation)
  const [{ api, client, reachability }] = useState(() => connect(access, token, () => setOver(true)))
  const goOn = (): void => {
    setOver(false)
    void client.invalidateQueries()
  }
  return (
    <ApiContext value={api}>
      <QueryClientProvider client={client}>
        <ReachabilityContext value={reachability}>
          <Suspense>
            <Gate
              access={access}
              token={token}
              invitation={invitation}
              setupCode={codes.setupCode}
              onInvitationUsed={() => setInvitation(undefined)}
            >
              <RouterProvider router={router} />
              {isOver && (
                <Suspense>
                  <SessionOver onDone={goOn} />
                </Suspense>
              )}
            </Gate>
          </Suspense>
        </ReachabilityContext>
      </QueryClientProvider>
    </ApiContext>
  )
}

interface Connection {
  readonly api: Api
  readonly client: QueryClient
  readonly reachability: Reachability
}

function connect(access: Access, token: string | undefined, onOver: () => void): Connection {
  const baseUrl = document.baseURI.replace(/[#?].*$/, '')
  const client = createQueryClient(error => {
    if (token !== undefined) access.refuse(token, error.body)
    else if (error.body.code === 'session_over' || error.body.code === 'token_missing') onOver()
  })
  const reachability = new Reachability({ baseUrl, onBack: () => void client.invalidateQueries() })
  const language = (): string => document.documentElement.lang
  return {
    client,
    reachability,
    api: createApi({ baseUrl, token, language, onReach: reachability.report }),
  }
}

/** Repeats only what may pass by itself. `onRefused` hears of a 401 from any call. */
function createQueryClient(onRefused: (error: ApiProblem) => void): QueryClient {
  const onError = (error: Error): void => {
    if (error instanceof ApiProblem && error.body.status === 401) onRefused(error)
  }
  return new FreshClient({
    queryCache: new QueryCache({ onError: (error, query) => query.queryKey[0] !== 'join' && onError(error) }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        staleTime: FRESH_MS,
        retry: (failures, error) => failures < MAX_RETRIES && error instanceof ApiProblem && error.isPassing,
        // a server on the same machine or network needs no internet
        networkMode: 'always',
      },
    },
  })
}
