/**
 * An import in three steps, each seen before the next: the file and its form → what it would bring → bringing it in.
 *
 * Nothing is stored before the last one, and that may be stopped: what is stored stays, and the same file goes on where it stood.
 */
import { Alert, Button, FileInput, Group, NativeSelect, Progress, Stack, Stepper, Text } from '@mantine/core'
import type { ImportDryRun, ImportMapping, ImportView, Platform } from '@roost/protocol'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { useApi } from '../api/use-api.ts'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { ButtonLink } from '../parts/link.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { UnsavedGuard } from '../parts/unsaved.tsx'
import { begin, DRY_RUN_BYTES, dryRun, type ImportOrder, type Reading, run } from './calls.ts'
import { type ChosenFile, chooseFile, MAPPINGS } from './file.ts'
import { Refused } from './refused.tsx'

const PLATFORMS = ['ios', 'android', 'web', 'macos', 'huawei'] as const
/** The lines between the steps give way to their names: words without spaces would break anywhere. */
const ON_ONE_LINE = {
  stepLabel: { whiteSpace: 'nowrap' },
  separator: { minWidth: 4, marginInline: 6 },
} as const

export function Wizard({ app }: { readonly app: string }): ReactElement {
  const t = useTexts('imports')
  const [order, setOrder] = useState<ImportOrder>()
  const [found, setFound] = useState<ImportDryRun>()
  const [isRunning, setRunning] = useState(false)
  const startOver = (): void => {
    setOrder(undefined)
    setFound(undefined)
    setRunning(false)
  }
  const active = isRunning ? 2 : found ? 1 : 0
  return (
    <Panel title={t('new')}>
      <Stack gap="lg">
        <Stepper
          active={active}
          size="xs"
          iconSize={22}
          wrap={false}
          allowNextStepsSelect={false}
          styles={ON_ONE_LINE}
        >
          <Stepper.Step label={t('step.file')} />
          <Stepper.Step label={t('step.look')} />
          <Stepper.Step label={t('step.run')} />
        </Stepper>
        {!found && (
          <FileForm
            app={app}
            order={order}
            onFound={(asked, answer) => {
              setOrder(asked)
              setFound(answer)
            }}
          />
        )}
        {order && found && !isRunning && (
          <Preview
            order={order}
            found={found}
            onBack={() => setFound(undefined)}
            onRun={() => setRunning(true)}
          />
        )}
        {order && isRunning && <Run order={order} onAnother={startOver} />}
      </Stack>
    </Panel>
  )
}

interface FileFormProps {
  readonly app: string
  /** What was chosen before, after a step back. */
  readonly order: ImportOrder | undefined
  readonly onFound: (order: ImportOrder, found: ImportDryRun) => void
}

function FileForm({ app, order, onFound }: FileFormProps): ReactElement {
  const t = useTexts('imports')
  const looks = useDeviceLooks()
  const format = useFormat()
  const api = useApi()
  const [file, setFile] = useState<ChosenFile | undefined>(order?.file)
  const [mapping, setMapping] = useState<ImportMapping | ''>(order?.reading.mapping ?? '')
  const [platform, setPlatform] = useState<Platform | ''>(order?.reading.platform ?? '')
  const [environment, setEnvironment] = useState<'' | 'production' | 'sandbox'>(
    order?.reading.environment ?? '',
  )
  const [isAsked, setAsked] = useState(false)
  const choose = useMutation({ mutationFn: chooseFile })
  const look = useMutation({
    networkMode: 'always',
    mutationFn: (asked: ImportOrder) => dryRun(api, asked),
    onSuccess: (found, asked) => onFound(asked, found),
  })
  const needsPlatform = mapping === 'tokens'
  const isLacking = !file || mapping === '' || (needsPlatform && platform === '')
  const submit = (): void => {
    setAsked(true)
    if (!file || mapping === '' || isLacking) return
    const reading: Reading = {
      mapping,
      format: file.format,
      platform: platform || null,
      environment: environment || null,
    }
    look.mutate({ app, file, reading })
  }
  return (
    <form
      noValidate
      onSubmit={event => {
        event.preventDefault()
        submit()
      }}
    >
      <Stack gap="sm" maw={560}>
        <FileInput
          label={t('file')}
          description={t('file.hint')}
          placeholder={file ? `${file.name} · ${format.bytes(file.content.size)}` : t('file.choose')}
          // Mantine's own colour has less contrast than 4.5 : 1
          styles={{ placeholder: { color: 'var(--mantine-color-dimmed)' } }}
          accept=".csv,.tsv,.txt,.json,.jsonl,.ndjson,.gz"
          error={choose.error ? t('file.broken') : isAsked && !file && t('file.missing')}
          onChange={chosen => {
            if (chosen)
              choose.mutate(chosen, {
                onSuccess: read => {
                  setFile(read)
                  setMapping(read.mapping ?? '')
                },
              })
          }}
        />
        <NativeSelect
          label={t('form')}
          description={file?.mapping && file.mapping === mapping ? t('form.guessed') : t('form.hint')}
          error={isAsked && mapping === '' && t('form.missing')}
          value={mapping}
          onChange={event => setMapping(event.currentTarget.value as ImportMapping | '')}
          data={[
            { value: '', label: t('choose') },
            ...MAPPINGS.map(value => ({ value, label: t(`form.${value}`) })),
          ]}
        />
        <NativeSelect
          label={t('platform')}
          description={t('platform.hint')}
          error={isAsked && needsPlatform && platform === '' && t('platform.missing')}
          value={platform}
          onChange={event => setPlatform(event.currentTarget.value as Platform | '')}
          data={[
            { value: '', label: t('perRow') },
            ...PLATFORMS.map(value => ({ value, label: looks.platform(value) })),
          ]}
        />
        {(platform === 'ios' || platform === 'macos' || mapping === 'onesignal' || mapping === 'parse') && (
          <NativeSelect
            label={t('environment')}
            value={environment}
            onChange={event => setEnvironment(event.currentTarget.value as '' | 'production' | 'sandbox')}
            data={[
              { value: '', label: t('environment.default') },
              { value: 'production', label: 'production' },
              { value: 'sandbox', label: 'sandbox' },
            ]}
          />
        )}
        {(mapping === 'browser' || platform === 'web') && (
          <Alert variant="light" color="orange">
            <Group justify="space-between" gap="xs">
              <Text size="sm">{t('vapid')}</Text>
              <ButtonLink to="/apps/$app/credentials" params={{ app }} variant="default" size="xs">
                {t('vapid.go')}
              </ButtonLink>
            </Group>
          </Alert>
        )}
        {look.error && <Problem error={look.error} onRetry={submit} />}
        <Group>
          <Button type="submit" loading={look.isPending || choose.isPending}>
            {t('look')}
          </Button>
          <Text size="sm" c="dimmed">
            {t('look.about')}
          </Text>
        </Group>
      </Stack>
    </form>
  )
}

interface PreviewProps {
  readonly order: ImportOrder
  readonly found: ImportDryRun
  readonly onBack: () => void
  readonly onRun: () => void
}

const REASONS_SHOWN = 8
type Cohort = ImportDryRun['cohorts'][number]
type Reason = ImportDryRun['reasons'][number]

function Preview({ order, found, onBack, onRun }: PreviewProps): ReactElement {
  const t = useTexts('imports')
  const format = useFormat()
  const looks = useDeviceLooks()
  const isPart = order.file.content.size > DRY_RUN_BYTES
  const cohorts: readonly Column<Cohort>[] = [
    { key: 'platform', title: t('platform'), cell: ({ platform }) => looks.platform(platform) },
    {
      key: 'version',
      title: t('appVersion'),
      cell: ({ appVersion }) => t.known(`age.${appVersion}`) ?? appVersion,
    },
    {
      key: 'seen',
      title: t('lastSeen'),
      cell: ({ lastSeen }) => t.known(`age.${lastSeen.replaceAll(' ', '_')}`) ?? lastSeen,
    },
    { key: 'rows', title: t('rows'), isNumber: true, cell: ({ rows }) => format.count(rows) },
    {
      key: 'tokens',
      title: t('withToken'),
      isNumber: true,
      cell: ({ withToken }) => format.count(withToken),
    },
  ]
  const reasons: readonly Column<Reason>[] = [
    { key: 'detail', title: t('reason'), width: 'minmax(0, 6fr)', cell: ({ detail }) => detail },
    { key: 'rows', title: t('rows'), isNumber: true, cell: ({ rows }) => format.count(rows) },
  ]
  return (
    <Stack gap="md">
      <Alert
        variant="light"
        color={found.accepted > 0 ? 'gray' : 'orange'}
        role="status"
        title={order.file.name}
      >
        {t(isPart ? 'found.part' : 'found', {
          accepted: found.accepted,
          refused: found.refused,
          bytes: format.bytes(DRY_RUN_BYTES),
        })}
      </Alert>
      <Facts>
        <Fact name={t('withToken')}>{format.count(found.withToken)}</Fact>
        {found.overdue > 0 && (
          <Fact name={t('overdue')}>
            {format.count(found.overdue)} · {t('overdue.hint')}
          </Fact>
        )}
      </Facts>
      {found.reasons.length > 0 && (
        <div>
          <Text fw={600} size="sm" mb={4}>
            {t('reasons')}
          </Text>
          <DataTable
            label={t('reasons')}
            columns={reasons}
            rows={found.reasons.slice(0, REASONS_SHOWN)}
            keyOf={({ code, detail }) => `${code} ${detail}`}
          />
        </div>
      )}
      {found.cohorts.length > 0 && (
        <div>
          <Text fw={600} size="sm" mb={4}>
            {t('cohorts')}
          </Text>
          <DataTable
            label={t('cohorts')}
            columns={cohorts}
            rows={found.cohorts}
            keyOf={({ platform, appVersion, lastSeen }) => `${platform} ${appVersion} ${lastSeen}`}
          />
        </div>
      )}
      <Group gap="xs">
        <Button variant="default" onClick={onBack}>
          {t('back')}
        </Button>
        <Button disabled={found.accepted === 0} onClick={onRun}>
          {isPart ? t('run.whole') : t('run', { count: found.accepted })}
        </Button>
      </Group>
    </Stack>
  )
}

interface RunProps {
  readonly order: ImportOrder
  readonly onAnother: () => void
}

/** Begins by itself, once; a file that was brought in before is asked about. */
function Run({ order, onAnother }: RunProps): ReactElement {
  const t = useTexts('imports')
  const format = useFormat()
  const api = useApi()
  const client = useQueryClient()
  const { app, file } = order
  const [view, setView] = useState<ImportView>()
  const [isOld, setOld] = useState(false)
  const stop = useRef<AbortController>(undefined)
  const work = useMutation({
    networkMode: 'always',
    mutationFn: async (isAgain: boolean) => {
      const stopping = new AbortController()
      stop.current = stopping
      const begun = await begin(api, order, isAgain)
      setOld(begun.state === 'done')
      setView(begun)
      return run(api, order, begun, { signal: stopping.signal, onProgress: setView })
    },
    onSettled: () =>
      Promise.all(
        [
          [app, 'works', 'imports'],
          [app, 'devices'],
          [app, 'stats'],
        ].map(queryKey => client.invalidateQueries({ queryKey })),
      ),
  })
  const { mutate: start } = work
  const hasBegun = useRef(false)
  useEffect(() => {
    if (hasBegun.current) return
    hasBegun.current = true
    start(false)
  }, [start])
  const share = file.content.size === 0 ? 1 : (view?.byteOffset ?? 0) / file.content.size
  const isDone = view?.state === 'done'
  return (
    <Stack gap="md">
      <UnsavedGuard isDirty={work.isPending} />
      {view && (
        <div aria-live="polite">
          <Progress.Root size="lg" aria-label={t('progress')}>
            <Progress.Section value={share * 100} aria-label={t('progress')} />
          </Progress.Root>
          <Text size="sm" mt="xs">
            {isDone ? t('done') : t('sent', { share: format.percent(share) })}
          </Text>
          <Facts>
            <Fact name={t('rows')}>{format.count(view.rows)}</Fact>
            <Fact name={t('stored')}>{format.count(view.stored)}</Fact>
            <Fact name={t('older')}>
              {format.count(view.older)} · {t('older.hint')}
            </Fact>
            <Fact name={t('refused')}>
              <Refused app={app} view={view} />
            </Fact>
          </Facts>
        </div>
      )}
      {isOld && isDone && (
        <Alert variant="light" color="gray" role="status">
          {t('again.about')}
        </Alert>
      )}
      {work.error && <Problem error={work.error} onRetry={() => work.mutate(false)} />}
      <Group gap="xs">
        {work.isPending && (
          <Button variant="default" onClick={() => stop.current?.abort()}>
            {t('stop')}
          </Button>
        )}
        {!work.isPending && view && !isDone && !work.error && (
          <Button onClick={() => work.mutate(false)}>{t('goOn')}</Button>
        )}
        {isOld && isDone && (
          <Button variant="default" onClick={() => work.mutate(true)}>
            {t('again')}
          </Button>
        )}
        {isDone && (
          <>
            <ButtonLink to="/apps/$app/devices" params={{ app }}>
              {t('toDevices')}
            </ButtonLink>
            <Button variant="default" onClick={onAnother}>
              {t('another')}
            </Button>
          </>
        )}
      </Group>
    </Stack>
  )
}
