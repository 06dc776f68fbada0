/** All apps that whoever is signed in may look at. */
import { Badge, Group } from '@mantine/core'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { DataTable } from '../parts/data-table.tsx'
import { Id } from '../parts/id.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useMay } from '../session/session.tsx'
import { type App, useApps } from './calls.ts'

export function AppsPage(): ReactElement {
  const apps = useApps()
  return <Loaded query={apps}>{known => <AppList apps={known} />}</Loaded>
}

export function AppList({ apps }: { readonly apps: readonly App[] }): ReactElement {
  const common = useTexts('common')
  const t = useTexts('apps')
  const mayMake = useMay('manage', null)
  const make = mayMake && <ButtonLink to="/new-app">{t('make.submit')}</ButtonLink>
  return (
    <>
      <PageHead title={common('page.start')}>{apps.length > 0 && make}</PageHead>
      <Panel>
        {apps.length === 0 ? (
          <Empty title={t('none.title')} action={make}>
            {mayMake ? t('none.body') : t('none.cannot')}
          </Empty>
        ) : (
          <Apps apps={apps} />
        )}
      </Panel>
    </>
  )
}

function Apps({ apps }: { readonly apps: readonly App[] }): ReactElement {
  const common = useTexts('common')
  const t = useTexts('apps')
  const format = useFormat()
  return (
    <DataTable
      label={common('page.start')}
      rows={apps}
      keyOf={({ code }) => code}
      columns={[
        {
          key: 'name',
          title: t('make.name'),
          width: 'minmax(0, 2fr)',
          cell: ({ code, name, archivedAt }) => (
            <Group gap={8}>
              <TextLink to="/apps/$app" params={{ app: code }} fw={600}>
                {name}
              </TextLink>
              {archivedAt !== null && (
                <Badge size="sm" variant="light" color="orange" tt="none">
                  {t('list.archived')}
                </Badge>
              )}
            </Group>
          ),
        },
        { key: 'code', title: t('made.code'), cell: ({ code }) => <Id value={code} /> },
        { key: 'zone', title: t('list.zone'), cell: ({ timeZone }) => timeZone },
        { key: 'made', title: t('list.made'), cell: ({ createdAt }) => format.day(createdAt) },
      ]}
    />
  )
}
