/** Who is signed in, and `useMay` of it. */

import { Badge, Tooltip } from '@mantine/core'
import type { Me, Right } from '@roost/protocol'
import { useParams } from '@tanstack/react-router'
import { createContext, type ReactElement, useContext } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { isAllowed } from './may.ts'

export interface Session {
  readonly me: Me
  /** With a server token: leaving forgets it. */
  readonly hasToken: boolean
  readonly leave: () => void
}

export const SessionContext = createContext<Session | undefined>(undefined)

export function useSession(): Session {
  const session = useContext(SessionContext)
  if (!session) throw new Error('This component stands outside SessionContext')
  return session
}

/** Code of the app that the address bar asks for. */
export function useAppCode(): string {
  const app = useOpenApp()
  if (app === undefined) throw new Error('This page belongs to no app')
  return app
}

/** As `useAppCode`; undefined on the pages of no app. */
export function useOpenApp(): string | undefined {
  return useParams({ strict: false }).app
}

/**
 * Whether a button that needs `right` is active: in the open app, or `where` says in which (null: the installation).
 * It only decides what is drawn: the server stays the judge.
 */
export function useMay(right: Right, where?: string | null): boolean {
  const open = useOpenApp()
  const { me } = useSession()
  return isAllowed(me.grants, right, where === null ? undefined : (where ?? open))
}

/** Told beside the heading where nothing can be changed. */
export function ReadOnlyMark({ right }: { readonly right: Right }): ReactElement | null {
  const t = useTexts('common')
  if (useMay(right)) return null
  return (
    <Tooltip label={t('readOnly.hint')}>
      <Badge variant="light" color="gray" tt="none" tabIndex={0}>
        {t('readOnly')}
      </Badge>
    </Tooltip>
  )
}
