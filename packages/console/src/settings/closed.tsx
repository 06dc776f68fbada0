/** In place of what the server would refuse to show: why, and whom to ask. */
import { Text } from '@mantine/core'
import type { ReactElement } from 'react'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Empty, Panel } from '../parts/page.tsx'
import { useMembers } from './calls.ts'
import type { Place } from './place.tsx'

export function Closed({
  why,
  place,
}: {
  readonly why: 'members' | 'audit'
  readonly place: Place
}): ReactElement {
  const t = useTexts('people')
  const format = useFormat()
  const owners = (useMembers(place).data ?? [])
    .filter(it => it.role === 'owner' || it.installationRole === 'owner')
    .map(it => it.name)
  return (
    <Panel>
      <Empty title={t('closed.title')}>
        {t(`closed.${why}`)}
        {owners.length > 0 && (
          <Text span display="block" size="sm" fw={600} mt={6}>
            {t('closed.owners', { names: format.list(owners) })}
          </Text>
        )}
      </Empty>
    </Panel>
  )
}
