/** Taking removals back: chosen, counted, and only then done; those under way and past. */
import { Button, Group, Modal, MultiSelect, Progress, Stack, Table, Text, TextInput } from '@mantine/core'
import type { UndoPreview, UndoView } from '@roost/protocol'
import { type ReactElement, useState } from 'react'
import { useDeviceLooks } from '../devices/looks.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Panel } from '../parts/page.tsx'
import { Problem } from '../parts/problem.tsx'
import type { Range } from '../parts/range.ts'
import { RangePicker } from '../parts/range-picker.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { useTryUndo, useUndo, useUndos } from './calls.ts'
import type { ReasonCount } from './removal-counts.ts'
import { type UndoWish, wishOf } from './undo-wish.ts'

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export interface UndoDialogProps {
  readonly app: string
  readonly reasons: readonly ReasonCount[]
  /** The reason that the list is narrowed to. */
  readonly chosen: string
  readonly isOpen: boolean
  readonly onClose: () => void
}

export function UndoDialog({ isOpen, onClose, ...props }: UndoDialogProps): ReactElement {
  const t = useTexts('hygiene')
  const common = useTexts('common')
  return (
    <Modal
      opened={isOpen}
      onClose={onClose}
      title={t('undo.title')}
      size="lg"
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <UndoForm {...props} onClose={onClose} />
    </Modal>
  )
}

/** Starts anew each time it is opened. */
function UndoForm({ app, reasons, chosen, onClose }: Omit<UndoDialogProps, 'isOpen'>): ReactElement {
  const t = useTexts('hygiene')
  const common = useTexts('common')
  const [wanted, setWanted] = useState<string[]>(chosen ? [chosen] : [])
  const [messageId, setMessageId] = useState('')
  const [range, setRange] = useState<Range>('month')
  const tried = useTryUndo(app)
  const undo = useUndo(app)
  const isMessage = messageId.trim() === '' || UUID.test(messageId.trim())
  /** The one that was counted is the one that is done. */
  const [counted, setCounted] = useState<UndoWish>()
  const changed = (): void => {
    setCounted(undefined)
    tried.reset()
    undo.reset()
  }
  const count = (): void => {
    const wish = wishOf({ reasons: wanted, messageId, range }, Date.now())
    tried.mutate(wish, { onSuccess: () => setCounted(wish) })
  }
  const preview = counted && tried.data
  return (
    <Stack gap="md">
      <Text size="sm">{t('undo.about')}</Text>
      <MultiSelect
        label={common('optional', { label: t('undo.reasons') })}
        placeholder={wanted.length === 0 ? t('all') : ''}
        searchable
        clearable
        value={wanted}
        onChange={value => {
          setWanted(value)
          changed()
        }}
        data={[...new Set([...reasons.map(({ reason }) => reason), ...wanted])].map(value => ({
          value,
          label: t.known(`reason.${value}`) ?? value,
        }))}
      />
      <TextInput
        label={common('optional', { label: t('undo.message') })}
        description={t('undo.message.hint')}
        value={messageId}
        error={!isMessage && t('undo.message.fault')}
        onChange={event => {
          setMessageId(event.currentTarget.value)
          changed()
        }}
      />
      <div>
        <Text size="sm" fw={500} mb={4}>
          {t('undo.when')}
        </Text>
        <RangePicker
          range={range}
          offered={['day', 'week', 'month']}
          onRange={value => {
            setRange(value)
            changed()
          }}
        />
      </div>
      {tried.error && <Problem error={tried.error} title={t('undo.notCounted')} />}
      {undo.error && <Problem error={undo.error} title={t('undo.failed')} />}
      {preview && <Counted preview={preview} />}
      <Group justify="flex-end" gap="xs">
        <Button variant="default" onClick={onClose}>
          {common('cancel')}
        </Button>
        {preview && counted && preview.restorable > 0 ? (
          <Button loading={undo.isPending} onClick={() => undo.mutate(counted, { onSuccess: onClose })}>
            {t('undo.do', { count: preview.restorable })}
          </Button>
        ) : (
          <Button loading={tried.isPending} disabled={!isMessage} onClick={count}>
            {t('undo.count')}
          </Button>
        )}
      </Group>
    </Stack>
  )
}

function Counted({ preview }: { readonly preview: UndoPreview }): ReactElement {
  const t = useTexts('hygiene')
  const format = useFormat()
  const looks = useDeviceLooks()
  return (
    <Stack gap="xs" aria-live="polite">
      <Text fw={600}>
        {preview.matched === 0
          ? t('undo.nothing')
          : t('undo.counted', { restorable: preview.restorable, matched: preview.matched })}
      </Text>
      {preview.byReason.length > 0 && (
        <Table fz="sm">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>{t('reason')}</Table.Th>
              <Table.Th>{t('gateway')}</Table.Th>
              <Table.Th ta="right">{t('undo.matched')}</Table.Th>
              <Table.Th ta="right">{t('undo.restorable')}</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {preview.byReason.map(({ reason, provider, matched, restorable }) => (
              <Table.Tr key={`${reason} ${provider}`}>
                <Table.Td>
                  {(reason && (t.known(`reason.${reason}`) ?? reason)) ?? t('undo.noReason')}
                </Table.Td>
                <Table.Td>{looks.gateway(provider)}</Table.Td>
                <Table.Td ta="right">{format.count(matched)}</Table.Td>
                <Table.Td ta="right">{format.count(restorable)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      )}
      {preview.restorable < preview.matched && (
        <Text size="sm" c="dimmed">
          {t('undo.others')}
        </Text>
      )}
    </Stack>
  )
}

/** Nothing where nothing was ever taken back. */
export function Undos({ app }: { readonly app: string }): ReactElement | null {
  const t = useTexts('hygiene')
  const format = useFormat()
  const { data: undos = [] } = useUndos(app)
  if (undos.length === 0) return null
  const columns: Column<UndoView>[] = [
    { key: 'at', title: t('undo.begun'), cell: ({ createdAt }) => format.moment(createdAt) },
    { key: 'by', title: t('undo.by'), cell: ({ by }) => by },
    {
      key: 'state',
      title: t('undo.state'),
      cell: ({ state }) => (
        <StateBadge tone={state === 'done' ? 'good' : 'busy'} label={t(`undo.state.${state}`)} />
      ),
    },
    {
      key: 'progress',
      title: t('undo.progress'),
      width: 'minmax(0, 1.4fr)',
      cell: undo => <Far undo={undo} />,
    },
    {
      key: 'restored',
      title: t('undo.restored'),
      isNumber: true,
      cell: ({ restored }) => format.count(restored),
    },
  ]
  return (
    <Panel title={t('undo.list')}>
      <div aria-live="polite">
        <DataTable label={t('undo.list')} columns={columns} rows={undos} keyOf={({ id }) => id} />
      </div>
    </Panel>
  )
}

function Far({ undo: { state, matched, total } }: { readonly undo: UndoView }): ReactElement {
  const t = useTexts('hygiene')
  if (state === 'done' || total === null || total === 0)
    return <span>{t('undo.looked', { count: matched })}</span>
  return (
    <Progress.Root size="lg">
      <Progress.Section value={(100 * matched) / total} aria-label={t('undo.progress')} />
    </Progress.Root>
  )
}
