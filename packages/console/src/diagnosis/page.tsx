/** Why did it not arrive, or could it arrive now: of a device, of whoever has a token, of the devices of a user. */
import { Button, Group, SegmentedControl, Stack, Text, TextInput } from '@mantine/core'
import type { DiagnosisView } from '@roost/protocol'
import { getRouteApi } from '@tanstack/react-router'
import { type FormEvent, type ReactElement, useState } from 'react'
import { useFormat, useLanguage, useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useAppCode } from '../session/session.tsx'
import { useDiagnosis } from './calls.ts'
import { Findings } from './finding.tsx'
import { DeviceResult } from './result.tsx'
import { messageIn, SUBJECT_KINDS, type Subject, type SubjectKind, searchOf, subjectOf } from './subject.ts'

const route = getRouteApi('/apps/$app/diagnosis')

export function DiagnosisPage(): ReactElement {
  const t = useTexts('diagnosis')
  const app = useAppCode()
  const { locale } = useLanguage()
  const search = route.useSearch()
  const navigate = route.useNavigate()
  const [token, setToken] = useState<string>()
  const subject: Subject | undefined =
    token === undefined ? subjectOf(search) : { kind: 'token', name: token }
  const query = useDiagnosis(app, subject && { subject, message: search.message, lang: locale })
  const ask = (asked: Subject, message: string | undefined): void => {
    setToken(asked.kind === 'token' ? asked.name : undefined)
    void navigate({ search: { ...searchOf(asked), ...(message && { message }) } })
    if (query.data) void query.refetch()
  }
  return (
    <>
      <PageHead title={t('title')} about={t('about')} />
      <Stack gap="md">
        <Panel>
          <Form
            key={`${search.device} ${search.user} ${search.message}`}
            subject={subject}
            message={search.message}
            isAsking={query.isFetching}
            onAsk={ask}
          />
        </Panel>
        {subject === undefined ? (
          <Panel>
            <Empty title={t('start.title')}>{t('start.body')}</Empty>
          </Panel>
        ) : (
          <Loaded query={query} lines={10}>
            {diagnosis => (
              <Result
                app={app}
                diagnosis={diagnosis}
                isOld={query.isPlaceholderData || query.isFetching}
                onAgain={() => void query.refetch()}
              />
            )}
          </Loaded>
        )}
      </Stack>
    </>
  )
}

interface FormProps {
  readonly subject: Subject | undefined
  readonly message: string | undefined
  readonly isAsking: boolean
  readonly onAsk: (subject: Subject, message: string | undefined) => void
}

function Form({ subject, message, isAsking, onAsk }: FormProps): ReactElement {
  const t = useTexts('diagnosis')
  const [kind, setKind] = useState<SubjectKind>(subject?.kind ?? 'device')
  const [name, setName] = useState(subject?.name ?? '')
  const [about, setAbout] = useState(message ?? '')
  const [isTried, setTried] = useState(false)
  const isNameMissing = name.trim() === ''
  const found = messageIn(about)
  const isMessageWrong = about.trim() !== '' && found === undefined
  const ask = (event: FormEvent): void => {
    event.preventDefault()
    setTried(true)
    if (!isNameMissing && !isMessageWrong) onAsk({ kind, name: name.trim() }, found)
  }
  return (
    <form onSubmit={ask} noValidate>
      <Stack gap="sm">
        <SegmentedControl
          aria-label={t('kind')}
          value={kind}
          onChange={value => setKind(value as SubjectKind)}
          data={SUBJECT_KINDS.map(value => ({ value, label: t(`kind.${value}`) }))}
          w="fit-content"
          maw="100%"
        />
        <Group gap="sm" align="flex-start">
          <TextInput
            label={t(`name.${kind}`)}
            value={name}
            flex="1 1 260px"
            autoComplete="off"
            spellCheck={false}
            error={isTried && isNameMissing && t('name.missing')}
            onChange={event => setName(event.currentTarget.value)}
          />
          <TextInput
            label={t('message')}
            placeholder={t('message.hint')}
            value={about}
            flex="1 1 260px"
            autoComplete="off"
            spellCheck={false}
            error={isTried && isMessageWrong && t('message.wrong')}
            onChange={event => setAbout(event.currentTarget.value)}
          />
        </Group>
        <Group>
          <Button type="submit" loading={isAsking}>
            {t('ask')}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}

interface ResultProps {
  readonly app: string
  readonly diagnosis: DiagnosisView
  readonly isOld: boolean
  readonly onAgain: () => void
}

function Result({ app, diagnosis, isOld, onAgain }: ResultProps): ReactElement {
  const t = useTexts('diagnosis')
  const format = useFormat()
  const { at, messageId, findings, titles, devices } = diagnosis
  return (
    <Stack gap="md" aria-live="polite" aria-busy={isOld}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" c="dimmed" component="div">
          {messageId === null
            ? t('asked.now', { moment: format.moment(at) })
            : t.rich<ReactElement>('asked.message', {
                moment: format.moment(at),
                a: chunks => (
                  <TextLink
                    key="a"
                    to="/apps/$app/messages/$message"
                    params={{ app, message: messageId }}
                    size="sm"
                    td="underline"
                  >
                    {chunks}
                  </TextLink>
                ),
              })}
        </Text>
        <Button variant="default" size="xs" loading={isOld} onClick={onAgain}>
          {t('again')}
        </Button>
      </Group>
      {findings.length > 0 && (
        <Panel title={t('unknown')}>
          <Findings app={app} findings={findings} titles={titles} />
        </Panel>
      )}
      {findings.length === 0 && devices.length === 0 && (
        <Panel>
          <Empty title={t('unknown')}>{t('unknown.body')}</Empty>
        </Panel>
      )}
      {devices.map(device => (
        <DeviceResult key={device.hwid} app={app} device={device} titles={titles} />
      ))}
    </Stack>
  )
}
