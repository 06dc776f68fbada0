/** The console behind its token: picks the app, then the page that the address bar asks for. */
import { Code } from '@mantine/core'
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { type ReactElement, useEffect, useState, useSyncExternalStore } from 'react'
import type { Access } from './access/access.ts'
import { TokenForm } from './access/token-form.tsx'
import { ApiProblem, createApi } from './api/client.ts'
import { ApiContext, useApps } from './api/queries.ts'
import type { App } from './api/shapes.ts'
import { CredentialsPage } from './credentials/page.tsx'
import { DevicePage } from './devices/device.tsx'
import { DeviceList } from './devices/list.tsx'
import { MessagePage, MessagesPage } from './messages/messages.tsx'
import { OverviewPage } from './overview.tsx'
import { Empty, Loaded, PageHead, Panel } from './parts/page.tsx'
import { PushTestPage } from './push-test/page.tsx'
import { type Route, replaceRoute, useRoute } from './route.ts'
import { Shell } from './shell.tsx'

const MAX_RETRIES = 2
const LAST_APP_KEY = 'roost.lastApp'

export function Console({ access }: { readonly access: Access }): ReactElement {
  const { token, refusal } = useSyncExternalStore(access.subscribe, access.state)
  if (token === undefined) return <TokenForm refusal={refusal} onToken={each => access.enter(each)} />
  // the key drops every cached answer of another token
  return <Opened key={token} access={access} token={token} />
}

interface OpenedProps {
  readonly access: Access
  readonly token: string
}

function Opened({ access, token }: OpenedProps): ReactElement {
  const [api] = useState(() => createApi({ baseUrl: document.baseURI, token }))
  const [client] = useState(() => createQueryClient(access, token))
  return (
    <ApiContext value={api}>
      <QueryClientProvider client={client}>
        <Pages onLeave={() => access.leave()} />
      </QueryClientProvider>
    </ApiContext>
  )
}

/** Repeats only what may pass by itself; a 401 from any call takes the token away. */
function createQueryClient(access: Access, token: string): QueryClient {
  const onError = (error: Error): void => {
    if (error instanceof ApiProblem && error.body.status === 401) access.refuse(token, error.body)
  }
  return new QueryClient({
    queryCache: new QueryCache({ onError }),
    mutationCache: new MutationCache({ onError }),
    defaultOptions: {
      queries: {
        retry: (failures, error) => failures < MAX_RETRIES && error instanceof ApiProblem && error.isPassing,
        // a server on the same machine or network needs no internet
        networkMode: 'always',
      },
    },
  })
}

function Pages({ onLeave }: { readonly onLeave: () => void }): ReactElement {
  const route = useRoute()
  const apps = useApps()
  const app = 'app' in route ? route.app : undefined
  useEffect(() => {
    if (app) localStorage.setItem(LAST_APP_KEY, app)
  }, [app])
  return (
    <Shell apps={apps.data ?? []} app={app} page={route.page} onLeave={onLeave}>
      {route.page === 'start' ? (
        <Loaded query={apps}>{known => <Start apps={known} />}</Loaded>
      ) : (
        <Page route={route} />
      )}
    </Shell>
  )
}

/** Goes on to the app that was open last, or else to the first. */
function Start({ apps }: { readonly apps: readonly App[] }): ReactElement | null {
  const last = localStorage.getItem(LAST_APP_KEY)
  const code = (apps.find(app => app.code === last) ?? apps[0])?.code
  useEffect(() => {
    if (code) replaceRoute({ page: 'overview', app: code })
  }, [code])
  if (code) return null
  return (
    <>
      <PageHead title="Apps" />
      <Panel>
        <Empty title="No apps yet">
          Make the first one with <Code>POST /v1/apps</Code> and a name. The answer holds the app code and the
          device token that your mobile or web app needs.
        </Empty>
      </Panel>
    </>
  )
}

/** The key starts a page anew for another app or device, so that nothing typed for one shows up in the other. */
function Page({ route }: { readonly route: Exclude<Route, { page: 'start' }> }): ReactElement {
  switch (route.page) {
    case 'overview':
      return <OverviewPage key={route.app} app={route.app} />
    case 'messages':
      return <MessagesPage key={route.app} app={route.app} />
    case 'message':
      return <MessagePage key={route.id} app={route.app} id={route.id} />
    case 'devices':
      return <DeviceList key={route.app} app={route.app} search={route.search} />
    case 'device':
      return <DevicePage key={route.hwid} app={route.app} hwid={route.hwid} />
    case 'credentials':
      return <CredentialsPage key={route.app} app={route.app} />
    case 'push-test':
      return (
        <PushTestPage
          key={`${route.app} ${route.credential} ${route.hwid}`}
          app={route.app}
          credential={route.credential}
          hwid={route.hwid}
        />
      )
    case 'unknown':
      return (
        <Panel>
          <Empty title="There is no such page">
            <a href="#/">Go to the start</a>
          </Empty>
        </Panel>
      )
  }
}
