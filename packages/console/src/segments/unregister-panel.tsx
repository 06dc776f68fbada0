/** Unregisters the devices of a segment, and takes back what was unregistered from here in the last 30 days. */
import { Button, Group, Stack, Text } from '@mantine/core'
import type { SegmentView } from '@roost/protocol'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactElement, useState } from 'react'
import { useApi, useChange } from '../api/use-api.ts'
import { useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Confirm } from '../parts/confirm.tsx'
import { Loaded, Panel } from '../parts/page.tsx'
import { useMay } from '../session/session.tsx'
import { keep, readKept, type Unregistered } from './kept.ts'
import { previewUndo, undoAll } from './unregister.ts'
import { UnregisterDialog } from './unregister-dialog.tsx'

export interface UnregisterPanelProps {
  readonly app: string
  readonly segment: SegmentView
}

export function UnregisterPanel({ app, segment: { id, name } }: UnregisterPanelProps): ReactElement {
  const t = useTexts('segments')
  const client = useQueryClient()
  const mayUndo = useMay('manage')
  const [isOpen, setOpen] = useState(false)
  const [done, setDone] = useState(() => readKept(localStorage, id, Date.now()).unregistered)
  const [undoing, setUndoing] = useState<Unregistered>()
  const put = (entry: Unregistered): void => {
    const kept = readKept(localStorage, id, Date.now())
    const others = kept.unregistered.filter(({ at }) => at !== entry.at)
    const unregistered = [entry, ...others]
    keep(localStorage, id, { ...kept, unregistered })
    setDone(unregistered)
  }
  const refresh = (): void => void client.invalidateQueries({ queryKey: [app, 'segments', id] })
  return (
    <Panel title={t('unregister')}>
      <Stack gap="sm">
        <Text size="sm" c="dimmed">
          {t('unregister.about')}
        </Text>
        <Group>
          <Button size="xs" variant="light" color="red" onClick={() => setOpen(true)}>
            {t('unregister.open')}
          </Button>
        </Group>
        {done.map(entry => (
          <Group key={entry.at} justify="space-between" wrap="nowrap" gap="xs">
            <Text size="sm">
              {t.rich<ReactElement>(entry.undoneAt ? 'unregister.undone' : 'unregister.entry', {
                count: entry.devices,
                ago: <Ago key="ago" at={entry.undoneAt ?? entry.at} />,
              })}
            </Text>
            {mayUndo && !entry.undoneAt && (
              <Button size="compact-xs" variant="default" onClick={() => setUndoing(entry)}>
                {t('undo')}
              </Button>
            )}
          </Group>
        ))}
      </Stack>
      {isOpen && (
        <Opened
          app={app}
          id={id}
          name={name}
          onEntry={put}
          onClose={() => {
            setOpen(false)
            refresh()
          }}
        />
      )}
      {undoing && (
        <Undo
          app={app}
          entry={undoing}
          onDone={() => {
            put({ ...undoing, undoneAt: new Date().toISOString() })
            setUndoing(undefined)
            refresh()
          }}
          onClose={() => setUndoing(undefined)}
        />
      )}
    </Panel>
  )
}

interface OpenedProps {
  readonly app: string
  readonly id: string
  readonly name: string
  readonly onEntry: (entry: Unregistered) => void
  readonly onClose: () => void
}

function Opened({ app, id, name, onEntry, onClose }: OpenedProps): ReactElement {
  const [at] = useState(() => new Date().toISOString())
  return (
    <UnregisterDialog
      app={app}
      segment={id}
      name={name}
      onEnded={({ named, devices, done, requests }) =>
        // of a call that is still worked on, all that it names
        onEntry({ at, devices: done + named - devices, requests })
      }
      onClose={onClose}
    />
  )
}

interface UndoProps {
  readonly app: string
  readonly entry: Unregistered
  readonly onDone: () => void
  readonly onClose: () => void
}

function Undo({ app, entry, onDone, onClose }: UndoProps): ReactElement {
  const t = useTexts('segments')
  const api = useApi()
  const { requests } = entry
  const preview = useQuery({
    queryKey: [app, 'undo-preview', requests],
    gcTime: 0,
    queryFn: ({ signal }) => previewUndo({ api, app, signal }, requests),
  })
  const undo = useChange({
    call: () => undoAll({ api, app, signal: new AbortController().signal }, requests),
    touches: [
      [app, 'devices'],
      [app, 'stats'],
    ],
  })
  const count = preview.data?.restorable ?? 0
  return (
    <Confirm
      isOpen
      title={t('undo.title')}
      verb={t('undo.verb', { count })}
      isPending={undo.isPending || preview.isPending}
      error={undo.error}
      onConfirm={() => undo.mutate(undefined, { onSuccess: onDone })}
      onClose={onClose}
    >
      <Loaded query={preview} lines={2}>
        {({ matched, restorable }) => (
          <Text size="sm">
            {t('undo.body', { restorable })}{' '}
            {matched > restorable && t('undo.others', { count: matched - restorable })}
          </Text>
        )}
      </Loaded>
    </Confirm>
  )
}
