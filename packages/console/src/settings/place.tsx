/** Whose members, tokens and changes a page shows: those of the open app, or of the whole installation (`?of=all`). */
import { SegmentedControl } from '@mantine/core'
import { useNavigate, useSearch } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { path } from '../api/client.ts'
import { useApps } from '../apps/calls.ts'
import { useTexts } from '../i18n/language.tsx'
import { useAppCode, useMay } from '../session/session.tsx'

export interface Place {
  /** Null: the whole installation. */
  readonly app: string | null
  /** As people know it. */
  readonly name: string
  /** Where its calls begin. */
  readonly path: string
  /** Where the keys of its answers begin. */
  readonly key: string
}

/** As `of` in the address bar asks; who has no role in the installation gets the app. */
export function usePlace(right: 'read' | 'manage' | 'access'): Place {
  const t = useTexts('people')
  const app = useAppCode()
  const { of } = useSearch({ strict: false }) as { readonly of?: string }
  const mayAll = useMay(right, null)
  const apps = useApps().data ?? []
  if (of === 'all' && mayAll) return { app: null, name: t('where.installation'), path: 'v1', key: '' }
  const name = apps.find(({ code }) => code === app)?.name ?? app
  return { app, name, path: path`v1/apps/${app}`, key: app }
}

/** Nothing for who has a role in apps alone. */
export function PlaceSwitch({ place, right }: PlaceSwitchProps): ReactElement | null {
  const t = useTexts('people')
  const app = useAppCode()
  const apps = useApps().data ?? []
  const navigate = useNavigate()
  if (!useMay(right, null)) return null
  return (
    <SegmentedControl
      size="xs"
      aria-label={t('where.label')}
      value={place.app === null ? 'all' : 'app'}
      onChange={value =>
        void navigate({ to: '.', search: value === 'all' ? { of: 'all' } : {}, replace: true })
      }
      data={[
        { value: 'app', label: apps.find(({ code }) => code === app)?.name ?? app },
        { value: 'all', label: t('where.all') },
      ]}
    />
  )
}

export interface PlaceSwitchProps {
  readonly place: Place
  readonly right: 'read' | 'manage' | 'access'
}
