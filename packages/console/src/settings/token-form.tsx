/** Makes a token, and shows it once with how it is used. */
import {
  Button,
  Checkbox,
  Code,
  CopyButton,
  Group,
  Radio,
  Stack,
  Switch,
  Text,
  TextInput,
} from '@mantine/core'
import { useForm } from '@mantine/form'
import type { Right } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Id } from '../parts/id.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { useFormFaults } from '../parts/use-faults.ts'
import { type MadeToken, type NewToken, useMakeToken } from './calls.ts'
import type { Place } from './place.tsx'
import { SCOPES } from './scopes.ts'
import { serverUrl } from './server-url.ts'

export interface TokenFormProps {
  readonly place: Place
  readonly onDone: () => void
}

interface Values {
  readonly name: string
  readonly kind: NewToken['kind']
  readonly mayAll: boolean
  readonly scopes: Right[]
}

export function TokenForm({ place, onDone }: TokenFormProps): ReactElement {
  const t = useTexts('people')
  const common = useTexts('common')
  const make = useMakeToken(place)
  const form = useForm<Values>({
    initialValues: { name: '', kind: 'server', mayAll: false, scopes: ['read', 'send'] },
    validate: {
      name: name => (name.trim() === '' ? t('make.nameMissing') : null),
      scopes: (scopes, { kind, mayAll }) =>
        kind === 'server' && !mayAll && scopes.length === 0 ? t('make.scopesMissing') : null,
    },
  })
  const isAtFields = useFormFaults(form, make.error)
  if (make.data) return <Made place={place} token={make.data} onDone={onDone} />
  const submit = form.onSubmit(values => make.mutate(wantedBy(values)))
  const { kind, mayAll } = form.values
  return (
    <Panel title={t('make.title', { place: place.name })}>
      <form onSubmit={submit} noValidate>
        <Stack gap="md" maw={560}>
          {make.error && !isAtFields && <Problem error={make.error} title={t('make.failed')} />}
          <TextInput
            label={t('tokens.name')}
            description={t('make.nameHint')}
            maxLength={128}
            autoFocus
            {...form.getInputProps('name')}
          />
          {place.app !== null && (
            <Radio.Group label={t('tokens.kind')} {...form.getInputProps('kind')}>
              <Stack gap="xs" mt={6}>
                {(['server', 'device'] as const).map(each => (
                  <Radio
                    key={each}
                    value={each}
                    label={t(`tokens.kind.${each}`)}
                    description={t(`tokens.kind.${each}.about`)}
                  />
                ))}
              </Stack>
            </Radio.Group>
          )}
          {kind === 'server' && (
            <Checkbox.Group label={t('make.scopes')} {...form.getInputProps('scopes')}>
              <Stack gap="xs" mt={8}>
                <Switch
                  label={t('tokens.everything')}
                  {...form.getInputProps('mayAll', { type: 'checkbox' })}
                />
                {!mayAll &&
                  SCOPES.map(scope => (
                    <Checkbox
                      key={scope}
                      value={scope}
                      label={t(`scope.${scope}`)}
                      description={t(`scope.${scope}.about`)}
                    />
                  ))}
              </Stack>
            </Checkbox.Group>
          )}
          <Group gap="xs">
            <Button type="submit" size="sm" loading={make.isPending}>
              {t('make.submit')}
            </Button>
            <Button size="sm" variant="default" onClick={onDone}>
              {common('cancel')}
            </Button>
          </Group>
        </Stack>
      </form>
    </Panel>
  )
}

function wantedBy({ name, kind, mayAll, scopes }: Values): NewToken {
  return { name: name.trim(), kind, ...(kind === 'server' && !mayAll && { scopes }) }
}

interface MadeProps extends TokenFormProps {
  readonly token: MadeToken
}

function Made({ place, token: made, onDone }: MadeProps): ReactElement {
  const t = useTexts('people')
  const common = useTexts('common')
  const { name, kind, token } = made
  return (
    <Panel title={t('made.title', { name })}>
      <Stack gap="md" align="stretch" role="status">
        <Text size="sm">{t('made.body')}</Text>
        {kind === 'server' ? (
          <>
            <Id value={token} />
            <div>
              <Text size="xs" c="dimmed" mb={4}>
                {t('made.try')}
              </Text>
              <Code block style={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
                {curlOf(token)}
              </Code>
            </div>
          </>
        ) : (
          <>
            <Text size="sm">{t('made.device')}</Text>
            <Facts>
              <Fact name={t('made.server')}>
                <Id value={serverUrl().replace(/\/$/, '')} />
              </Fact>
              <Fact name={t('made.app')}>
                <Id value={place.app ?? ''} />
              </Fact>
              <Fact name={t('made.token')}>
                <Id value={token} />
              </Fact>
            </Facts>
          </>
        )}
        <Group gap="xs">
          <CopyButton value={token}>
            {({ copied, copy }) => (
              <Button size="sm" onClick={copy}>
                {copied ? common('copied') : t('made.copy')}
              </Button>
            )}
          </CopyButton>
          <Button size="sm" variant="default" onClick={onDone}>
            {t('made.kept')}
          </Button>
        </Group>
      </Stack>
    </Panel>
  )
}

/** Any token may ask who it is. */
function curlOf(token: string): string {
  return `curl -H 'Authorization: Bearer ${token}' \\\n  ${serverUrl()}v1/me`
}
