/** Imports: a base from another system, or from elsewhere, brought in from a file; and those of before. */
import { Stack } from '@mantine/core'
import type { ImportView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Ago } from '../parts/ago.tsx'
import { type Column, DataTable } from '../parts/data-table.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { StateBadge } from '../parts/state-badge.tsx'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { useImports } from './calls.ts'
import { Refused } from './refused.tsx'
import { Wizard } from './wizard.tsx'

export function ImportsPage(): ReactElement {
  const t = useTexts('imports')
  const app = useAppCode()
  const query = useImports(app)
  const may = useMay('devices')
  return (
    <>
      <PageHead title={t('title')} about={t('about')}>
        <ReadOnlyMark right="devices" />
      </PageHead>
      <Stack gap="md">
        {may && <Wizard app={app} />}
        <Panel title={t('before')}>
          <Loaded query={query}>
            {imports =>
              imports.length === 0 ? (
                <Empty title={t('none.title')}>{t('none.body')}</Empty>
              ) : (
                <Imports app={app} imports={imports} />
              )
            }
          </Loaded>
        </Panel>
      </Stack>
    </>
  )
}

function Imports({
  app,
  imports,
}: {
  readonly app: string
  readonly imports: readonly ImportView[]
}): ReactElement {
  const t = useTexts('imports')
  const format = useFormat()
  const columns: readonly Column<ImportView>[] = [
    { key: 'mapping', title: t('form'), cell: ({ mapping }) => t.known(`form.${mapping}`) ?? mapping },
    {
      key: 'state',
      title: t('state'),
      cell: ({ state }) => (
        <StateBadge
          tone={state === 'done' ? 'good' : 'busy'}
          label={t(`state.${state}`)}
          hint={t(`state.${state}.hint`)}
        />
      ),
    },
    { key: 'stored', title: t('stored'), isNumber: true, cell: ({ stored }) => format.count(stored) },
    { key: 'older', title: t('older'), isNumber: true, cell: ({ older }) => format.count(older) },
    {
      key: 'refused',
      title: t('refused'),
      isNumber: true,
      width: '160px',
      cell: view => <Refused app={app} view={view} />,
    },
    { key: 'at', title: t('startedAt'), isNumber: true, cell: ({ startedAt }) => <Ago at={startedAt} /> },
  ]
  return <DataTable label={t('before')} columns={columns} rows={imports} keyOf={({ id }) => id} />
}
