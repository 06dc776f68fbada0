/** Has the devices of a segment written to a file; how far that is, and the link, which expires. */
import { Button, Checkbox, Group, Progress, Select, Stack, Text } from '@mantine/core'
import type { NewSegmentExport, SegmentExportView, SegmentView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useChange } from '../api/use-api.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import { isUnderWay, segmentPath, useExport, useWork } from './calls.ts'
import { keep, readKept } from './kept.ts'

const FORMATS = ['csv', 'spreadsheet', 'ndjson'] as const

export interface ExportPanelProps {
  readonly app: string
  readonly segment: SegmentView
}

export function ExportPanel({ app, segment: { id } }: ExportPanelProps): ReactElement {
  const t = useTexts('segments')
  const [exportId, setExportId] = useState(() => readKept(localStorage, id, Date.now()).exportId)
  const [format, setFormat] = useState<(typeof FORMATS)[number]>('csv')
  const [isFull, setFull] = useState(false)
  const { data } = useExport(app, exportId)
  const start = useChange<NewSegmentExport, SegmentExportView>({
    call: (api, input) => api.post(`${segmentPath(app, id)}/exports`, input),
    touches: [],
  })
  const begin = (): void =>
    start.mutate(
      { format, tokens: isFull ? 'full' : 'masked' },
      {
        onSuccess: made => {
          setExportId(made.id)
          keep(localStorage, id, { ...readKept(localStorage, id, Date.now()), exportId: made.id })
        },
      },
    )
  return (
    <Panel title={t('export')}>
      <Stack gap="sm">
        <Group gap="xs" align="flex-end">
          <Select
            size="xs"
            w={170}
            label={t('export.format')}
            value={format}
            data={FORMATS.map(value => ({ value, label: t(`export.format.${value}`) }))}
            allowDeselect={false}
            onChange={value => {
              if (value) setFormat(value as (typeof FORMATS)[number])
            }}
          />
          <Button
            size="xs"
            variant="default"
            loading={start.isPending}
            disabled={isUnderWay(data)}
            onClick={begin}
          >
            {t('export.start')}
          </Button>
        </Group>
        <Checkbox
          size="xs"
          label={t('export.tokens')}
          checked={isFull}
          onChange={event => setFull(event.currentTarget.checked)}
        />
        {start.error && <Problem error={start.error} />}
        {data && <ExportState found={data} />}
      </Stack>
    </Panel>
  )
}

function ExportState({ found }: { readonly found: SegmentExportView }): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const progress = useWork('export', found.id)?.progress ?? found.progress
  if (isUnderWay(found))
    return (
      <div aria-live="polite">
        <Text size="sm">{t('export.running', { percent: format.percent(progress) })}</Text>
        <Progress value={progress * 100} mt={6} aria-label={t('export')} animated />
      </div>
    )
  if (found.state === 'failed')
    return (
      <Text size="sm" c="red" role="alert">
        {t('export.failed', { error: found.error ?? '' })}
      </Text>
    )
  if (found.url === null)
    return (
      <Text size="sm" c="dimmed">
        {t('export.over')}
      </Text>
    )
  return (
    <div aria-live="polite">
      <Button component="a" href={found.url} size="xs" download={found.fileName ?? true}>
        {t('export.download', { size: format.bytes(found.bytes ?? 0) })}
      </Button>
      <Text size="xs" c="dimmed" mt={6}>
        {t('export.done', { count: found.devices })}{' '}
        {found.expiresAt && t('export.expires', { moment: format.moment(found.expiresAt) })}
      </Text>
    </div>
  )
}
