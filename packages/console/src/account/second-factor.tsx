/**
 * The second factor: begun with the password, switched on by a first code, and off by both.
 *
 *   off → begun (the QR code is shown) → on (recovery codes are shown once) → off
 */
import {
  Anchor,
  Button,
  Code,
  CopyButton,
  Group,
  Image,
  PasswordInput,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import type { BegunFactor } from '@roost/protocol'
import type { UseMutationResult } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { useChange } from '../api/use-api.ts'
import { useTexts } from '../i18n/language.tsx'
import { Id } from '../parts/id.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'

const QR_PX = 200

export interface SecondFactorProps {
  readonly isOn: boolean
  readonly recoveryCodes: number
}

export function SecondFactorPanel({ isOn, recoveryCodes }: SecondFactorProps): ReactElement {
  const t = useTexts('access')
  // held here and not in the form: with the factor on, the form goes before the answer is told, and the codes with it
  const prove = useProof()
  const codes = prove.data?.recoveryCodes
  return (
    <Panel title={t('factor.title')}>
      <Stack gap="md" maw={560}>
        <Text size="sm">{isOn ? t('factor.on', { count: recoveryCodes }) : t('factor.off')}</Text>
        {codes && <RecoveryCodes codes={codes} onKept={prove.reset} />}
        {!codes && (isOn && !prove.isPending ? <Removal /> : <SetUp prove={prove} />)}
      </Stack>
    </Panel>
  )
}

type Proof = UseMutationResult<{ readonly recoveryCodes: readonly string[] }, Error, string>

function useProof(): Proof {
  return useChange<string, { readonly recoveryCodes: readonly string[] }>({
    call: (api, code) => api.put('v1/me/second-factor', { oneTimeCode: code.trim() }),
    touches: [['me']],
  })
}

function RecoveryCodes({
  codes,
  onKept,
}: {
  readonly codes: readonly string[]
  readonly onKept: () => void
}): ReactElement {
  const t = useTexts('access')
  const common = useTexts('common')
  return (
    <Stack gap="sm" align="flex-start">
      <Text size="sm" fw={600}>
        {t('factor.codes')}
      </Text>
      <SimpleGrid cols={{ base: 1, xs: 2 }}>
        {codes.map(code => (
          <Code key={code}>{code}</Code>
        ))}
      </SimpleGrid>
      <Group gap="xs">
        <CopyButton value={codes.join('\n')}>
          {({ copied, copy }) => (
            <Button variant="default" onClick={copy}>
              {copied ? common('copied') : t('factor.copy')}
            </Button>
          )}
        </CopyButton>
        <Button onClick={onKept}>{t('factor.kept')}</Button>
      </Group>
    </Stack>
  )
}

function SetUp({ prove }: { readonly prove: Proof }): ReactElement {
  const t = useTexts('access')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const begin = useChange<void, BegunFactor>({
    call: api => api.post('v1/me/second-factor', { password }),
    touches: [],
  })
  const error = prove.error ?? begin.error
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        if (begin.data) prove.mutate(code)
        else begin.mutate(undefined, { onSuccess: () => setPassword('') })
      }}
    >
      <Stack gap="md" align="flex-start">
        {error && <Problem error={error} title={t('factor.failed')} />}
        {begin.data ? (
          <>
            <Text size="sm">{t('factor.scan')}</Text>
            <Image
              src={`data:image/svg+xml;utf8,${encodeURIComponent(begin.data.qr)}`}
              alt={t('factor.qr')}
              w={QR_PX}
              h={QR_PX}
              radius="md"
            />
            <div>
              <Text size="xs" c="dimmed">
                {t('factor.key')}
              </Text>
              <Id value={begin.data.secret} />
            </div>
            <Anchor href={begin.data.uri} size="sm">
              {t('factor.link')}
            </Anchor>
            <CodeInput value={code} onValue={setCode} />
            <Button type="submit" disabled={code.trim() === ''} loading={prove.isPending}>
              {t('factor.prove')}
            </Button>
          </>
        ) : (
          <Group align="flex-end">
            <PasswordOfNow value={password} onValue={setPassword} />
            <Button type="submit" disabled={password === ''} loading={begin.isPending}>
              {t('factor.begin')}
            </Button>
          </Group>
        )}
      </Stack>
    </form>
  )
}

function Removal(): ReactElement {
  const t = useTexts('access')
  const [password, setPassword] = useState('')
  const [code, setCode] = useState('')
  const remove = useChange({
    call: api => api.post('v1/me/second-factor/off', { password, oneTimeCode: code.trim() }),
    touches: [['me']],
  })
  return (
    <form
      onSubmit={event => {
        event.preventDefault()
        remove.mutate()
      }}
    >
      <Stack gap="sm" align="flex-start">
        {remove.error && <Problem error={remove.error} title={t('factor.failed')} />}
        <PasswordOfNow value={password} onValue={setPassword} />
        <CodeInput value={code} onValue={setCode} />
        <Button
          type="submit"
          variant="default"
          disabled={password === '' || code.trim() === ''}
          loading={remove.isPending}
        >
          {t('factor.remove')}
        </Button>
      </Stack>
    </form>
  )
}

interface InputProps {
  readonly value: string
  readonly onValue: (value: string) => void
}

function PasswordOfNow({ value, onValue }: InputProps): ReactElement {
  const t = useTexts('access')
  return (
    <PasswordInput
      label={t('account.current')}
      w={280}
      autoComplete="current-password"
      value={value}
      onChange={event => onValue(event.currentTarget.value)}
    />
  )
}

function CodeInput({ value, onValue }: InputProps): ReactElement {
  const t = useTexts('access')
  return (
    <TextInput
      label={t('signIn.code')}
      w={280}
      autoComplete="one-time-code"
      value={value}
      onChange={event => onValue(event.currentTarget.value)}
    />
  )
}
