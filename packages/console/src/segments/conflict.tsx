/** Somebody else has saved the segment meanwhile: what they have changed, and which of the two stays. */
import { Button, Group, Modal, Stack, Table, Text } from '@mantine/core'
import type { AuditEntry, SegmentMode, SegmentView } from '@roost/protocol'
import { useQuery } from '@tanstack/react-query'
import type { ReactElement } from 'react'
import type { Reading } from '../api/client.ts'
import { useApi } from '../api/use-api.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { Loaded } from '../parts/page.tsx'
import { readLastChange, segmentPath } from './calls.ts'
import css from './segments.module.css'

export interface Version {
  readonly name: string
  readonly mode: SegmentMode
  readonly hour: number | null
  readonly expression: string
}

export interface ConflictProps {
  readonly app: string
  readonly id: string
  /** What both went out from. */
  readonly base: SegmentView
  readonly mine: Version
  readonly onTheirs: (theirs: Reading<SegmentView>) => void
  /** Theirs is replaced; `theirs` has the ETag for it. */
  readonly onMine: (theirs: Reading<SegmentView>) => void
  readonly onClose: () => void
}

interface Theirs {
  readonly reading: Reading<SegmentView>
  readonly change: AuditEntry | undefined
}

export function Conflict({ app, id, base, mine, onTheirs, onMine, onClose }: ConflictProps): ReactElement {
  const t = useTexts('segments')
  const common = useTexts('common')
  const api = useApi()
  const theirs = useQuery<Theirs>({
    queryKey: [app, 'segment-theirs', id],
    gcTime: 0,
    queryFn: async ({ signal }) => {
      const reading = api.read<SegmentView>(segmentPath(app, id), { signal })
      return { reading: await reading, change: await readLastChange(api, app, id) }
    },
  })
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('conflict.title')}
      size="lg"
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <Loaded query={theirs}>
        {({ reading, change }) => (
          <Stack gap="md">
            <Text size="sm">
              {t.rich<ReactElement>(change ? 'conflict.who' : 'conflict.somebody', {
                who: change?.by ?? '',
                ago: <Ago key="ago" at={reading.data.updatedAt} />,
              })}
            </Text>
            <Versions base={versionOf(base)} theirs={versionOf(reading.data)} mine={mine} />
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={() => onTheirs(reading)}>
                {t('conflict.theirs')}
              </Button>
              <Button onClick={() => onMine(reading)}>{t('conflict.mine')}</Button>
            </Group>
          </Stack>
        )}
      </Loaded>
    </Modal>
  )
}

function versionOf({ name, mode, nightly, expression }: SegmentView): Version {
  return { name, mode, hour: nightly?.hour ?? null, expression }
}

interface VersionsProps {
  readonly base: Version
  readonly theirs: Version
  readonly mine: Version
}

/** Only what differs. */
function Versions({ base, theirs, mine }: VersionsProps): ReactElement {
  const t = useTexts('segments')
  const format = useFormat()
  const rows = [
    { key: 'name', title: t('name'), of: (it: Version) => it.name },
    {
      key: 'mode',
      title: t('mode'),
      of: (it: Version) =>
        it.hour === null ? t(`mode.${it.mode}`) : `${t(`mode.${it.mode}`)}, ${format.count(it.hour)}:00`,
    },
    { key: 'expression', title: t('condition'), of: (it: Version) => it.expression },
  ].filter(({ of }) => of(base) !== of(theirs) || of(base) !== of(mine))
  return (
    <Table fz="sm" withRowBorders>
      <Table.Thead>
        <Table.Tr>
          <Table.Th>{t('conflict.what')}</Table.Th>
          <Table.Th>{t('conflict.theirs.head')}</Table.Th>
          <Table.Th>{t('conflict.mine.head')}</Table.Th>
        </Table.Tr>
      </Table.Thead>
      <Table.Tbody>
        {rows.map(({ key, title, of }) => (
          <Table.Tr key={key}>
            <Table.Th scope="row">{title}</Table.Th>
            {[theirs, mine].map((version, at) => (
              <Table.Td
                // biome-ignore lint/suspicious/noArrayIndexKey: there are two, which never move
                key={at}
                style={{ verticalAlign: 'top' }}
              >
                <span className={key === 'expression' ? css.code : undefined} style={{ display: 'block' }}>
                  {of(version)}
                </span>
                {of(version) === of(base) && (
                  <Text size="xs" c="dimmed">
                    {t('conflict.unchanged')}
                  </Text>
                )}
              </Table.Td>
            ))}
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
