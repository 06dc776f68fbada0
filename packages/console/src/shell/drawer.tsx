/** The side bar of narrow screens, over the page. */
import { Drawer } from '@mantine/core'
import type { ReactElement, ReactNode } from 'react'
import { useTexts } from '../i18n/language.tsx'

export interface MenuDrawerProps {
  readonly isOpen: boolean
  readonly onClose: () => void
  readonly children: ReactNode
}

export function MenuDrawer({ isOpen, onClose, children }: MenuDrawerProps): ReactElement {
  const t = useTexts('common')
  return (
    <Drawer
      opened={isOpen}
      onClose={onClose}
      size={280}
      title="Roost"
      closeButtonProps={{ 'aria-label': t('nav.close') }}
    >
      {children}
    </Drawer>
  )
}
