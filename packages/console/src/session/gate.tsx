/**
 * Who may come in: asks the server who this is, and shows what leads in when it does not know.
 *
 *   a server token in this tab → the console, or the token's form with the server's reason
 *   a cookie                   → the console
 *   neither                    → first set-up while there is no owner; a link's invitation; else signing in
 */
import type { Me, RIGHTS } from '@roost/protocol'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, type ReactElement, type ReactNode, Suspense, useState } from 'react'
import { type Api, ApiProblem } from '../api/client.ts'
import { useApi } from '../api/use-api.ts'
import { Waiting } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { Entrance } from './entrance.tsx'
import { SessionContext } from './session.tsx'
import type { Access } from './token.ts'

// whoever is signed in needs none of them
const FirstSetup = lazy(async () => ({ default: (await import('./first-setup.tsx')).FirstSetup }))
const JoinForm = lazy(async () => ({ default: (await import('./join.tsx')).JoinForm }))
const SignIn = lazy(async () => ({ default: (await import('./sign-in.tsx')).SignIn }))
const TokenForm = lazy(async () => ({ default: (await import('./token-form.tsx')).TokenForm }))

export interface GateProps {
  readonly access: Access
  readonly token: string | undefined
  /** The code of an invitation, from the link that was opened. */
  readonly invitation: string | undefined
  /** From the link that the server prints. */
  readonly setupCode: string | undefined
  readonly onInvitationUsed: () => void
  readonly children: ReactNode
}

type Visitor = { readonly me: Me } | { readonly me: null; readonly isSetUp: boolean | undefined }

export function Gate(props: GateProps): ReactElement {
  return (
    <Suspense
      fallback={
        <Entrance>
          <Waiting lines={3} />
        </Entrance>
      }
    >
      <WayIn {...props} />
    </Suspense>
  )
}

function WayIn(props: GateProps): ReactElement {
  const { access, token, invitation, setupCode, onInvitationUsed, children } = props
  const api = useApi()
  const client = useQueryClient()
  const visitor = useQuery({
    queryKey: ['me'],
    queryFn: ({ signal }) => recognise(api, token, signal),
    staleTime: 60_000,
  })
  const [wantsToken, setWantsToken] = useState(access.state().refusal !== undefined)
  const enter = (me: Me): void => {
    client.setQueryData<Visitor>(['me'], { me })
  }
  const join = (joined: Me): void => {
    onInvitationUsed()
    enter(joined)
  }
  if (!visitor.data) {
    return (
      <Entrance>
        {visitor.error ? (
          <Problem error={visitor.error} onRetry={() => void visitor.refetch()} />
        ) : (
          <Waiting lines={3} />
        )}
      </Entrance>
    )
  }
  const { me } = visitor.data
  if (me && invitation !== undefined && me.person) {
    return <JoinForm code={invitation} isSignedIn onJoined={join} onCancel={onInvitationUsed} />
  }
  if (me) {
    const leave = (): void => {
      if (token !== undefined) return access.leave()
      void api.delete('v1/session').finally(() => void client.resetQueries())
    }
    return <SessionContext value={{ me, hasToken: token !== undefined, leave }}>{children}</SessionContext>
  }
  if (wantsToken || visitor.data.isSetUp === undefined) {
    return (
      <TokenForm
        refusal={access.state().refusal}
        onToken={each => access.enter(each)}
        {...(visitor.data.isSetUp !== undefined && { onName: () => setWantsToken(false) })}
      />
    )
  }
  if (invitation !== undefined && visitor.data.isSetUp)
    return <JoinForm code={invitation} isSignedIn={false} onJoined={join} onCancel={onInvitationUsed} />
  if (!visitor.data.isSetUp)
    return <FirstSetup code={setupCode} onDone={enter} onToken={() => setWantsToken(true)} />
  return <SignIn onDone={enter} onToken={() => setWantsToken(true)} />
}

const ALL_RIGHTS: typeof RIGHTS = ['read', 'send', 'devices', 'manage', 'access']

/** A server that has no people yet gives a token every right, as it always did. */
const TOKEN_OF_OLD: Me = {
  person: null,
  token: { id: 0, name: '' },
  grants: [{ app: null, role: null, rights: [...ALL_RIGHTS] }],
}

async function recognise(api: Api, token: string | undefined, signal: AbortSignal): Promise<Visitor> {
  try {
    return { me: await api.get<Me>('v1/me', { signal }) }
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error
    const { status } = error.body
    if (status === 404 && token !== undefined) return { me: TOKEN_OF_OLD }
    if (token !== undefined || (status !== 401 && status !== 404)) throw error
    return { me: null, isSetUp: await isSetUp(api, signal) }
  }
}

/** Undefined on a server without people: a token is the only way in. */
async function isSetUp(api: Api, signal: AbortSignal): Promise<boolean | undefined> {
  try {
    return (await api.get<{ readonly isDone: boolean }>('v1/setup', { signal })).isDone
  } catch (error) {
    if (error instanceof ApiProblem && (error.body.status === 404 || error.body.status === 401))
      return undefined
    throw error
  }
}
