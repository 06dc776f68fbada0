/** Whose pages these are, and the way to another app's. */
import { Select, Text } from '@mantine/core'
import { useNavigate } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { useMay } from '../session/session.tsx'
import { useApps } from './calls.ts'

const MAKE = ' make'
const ALL = ' all'
const SEARCH_FROM = 8

export interface AppPickerProps {
  readonly app: string
  readonly onGo?: () => void
}

export function AppPicker({ app, onGo }: AppPickerProps): ReactElement {
  const t = useTexts('common')
  const navigate = useNavigate()
  const mayMake = useMay('manage', null)
  const apps = useApps().data ?? []
  const known = apps.map(({ code, name }) => ({ value: code, label: name }))
  return (
    <Select
      aria-label={t('app.pick')}
      data={[
        ...known,
        ...(apps.length > 1 ? [{ value: ALL, label: t('page.start') }] : []),
        ...(mayMake ? [{ value: MAKE, label: t('app.make') }] : []),
      ]}
      value={app}
      searchable={apps.length > SEARCH_FROM}
      allowDeselect={false}
      placeholder={app}
      onChange={code => {
        onGo?.()
        if (code === ALL) void navigate({ to: '/apps' })
        else if (code === MAKE) void navigate({ to: '/new-app' })
        else if (code) void navigate({ to: '/apps/$app', params: { app: code } })
      }}
      renderOption={({ option }) => (
        <div>
          <Text size="sm">{option.label}</Text>
          {option.value !== MAKE && option.value !== ALL && (
            <Text size="xs" c="dimmed" ff="monospace">
              {option.value}
            </Text>
          )}
        </div>
      )}
    />
  )
}
