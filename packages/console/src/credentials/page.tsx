/** The gateway credentials of an app: what each is, whether it works, how long it lives, and what mends it. */
import { Button, Stack } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import { useCredentials } from '../api/queries.ts'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { CredentialCard } from './card.tsx'
import { CredentialForm } from './form.tsx'

export function CredentialsPage({ app }: { readonly app: string }): ReactElement {
  const query = useCredentials(app)
  const [isAdding, setAdding] = useState(false)
  return (
    <>
      <PageHead title="Credentials">
        {!isAdding && (
          <Button size="sm" onClick={() => setAdding(true)}>
            Add a credential
          </Button>
        )}
      </PageHead>
      <Stack gap="md">
        {isAdding && (
          <Panel title="Add a credential">
            <CredentialForm app={app} onDone={() => setAdding(false)} />
          </Panel>
        )}
        <Loaded query={query} lines={6}>
          {credentials =>
            credentials.length === 0 ? (
              <Panel>
                <Empty title="No credentials yet">
                  Roost sends through Apple, Google, browsers and Huawei in your name: each wants a key or a
                  certificate of yours.
                </Empty>
              </Panel>
            ) : (
              credentials.map(each => <CredentialCard key={each.id} app={app} credential={each} />)
            )
          }
        </Loaded>
      </Stack>
    </>
  )
}
