/** Signing in again over the page, so that what was typed there is still there afterwards. */
import { Modal } from '@mantine/core'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { SignInForm } from './sign-in.tsx'

export function SessionOver({ onDone }: { readonly onDone: () => void }): ReactElement {
  const t = useTexts('access')
  return (
    <Modal
      opened
      onClose={() => {}}
      withCloseButton={false}
      closeOnEscape={false}
      closeOnClickOutside={false}
      title={t('signIn.title')}
      centered
    >
      <SignInForm isOver onDone={onDone} />
    </Modal>
  )
}
