/** Asks for the server token, and says why the last one was not taken. */
import { Alert, Button, Center, Code, PasswordInput, Stack, Text, Title } from '@mantine/core'
import { type ReactElement, useState } from 'react'
import type { ProblemBody } from '../api/client.ts'
import { ProblemText } from '../parts/page.tsx'
import css from '../parts/parts.module.css'

export interface TokenFormProps {
  readonly refusal: ProblemBody | undefined
  readonly onToken: (token: string) => void
}

export function TokenForm({ refusal, onToken }: TokenFormProps): ReactElement {
  const [token, setToken] = useState('')
  const isEmpty = token.trim() === ''
  return (
    <Center mih="80vh" p="md">
      <form
        className={css.panel}
        style={{ width: 440 }}
        onSubmit={event => {
          event.preventDefault()
          if (!isEmpty) onToken(token.trim())
        }}
      >
        <Stack gap="md">
          <div>
            <Title order={1} size="h3">
              Open the console
            </Title>
            <Text size="sm" c="dimmed" mt={4}>
              A server token opens it: the one in <Code>ROOST_BOOTSTRAP_TOKEN</Code>, or one made since. It is
              kept in this tab only.
            </Text>
          </div>
          {refusal && (
            <Alert color="orange" variant="light" title="This token was not taken" role="alert">
              <Stack gap={6}>
                <ProblemText body={refusal} />
              </Stack>
            </Alert>
          )}
          <PasswordInput
            label="Server token"
            autoComplete="off"
            spellCheck={false}
            data-autofocus
            autoFocus
            value={token}
            onChange={event => setToken(event.currentTarget.value)}
          />
          <Button type="submit" disabled={isEmpty}>
            Open
          </Button>
        </Stack>
      </form>
    </Center>
  )
}
