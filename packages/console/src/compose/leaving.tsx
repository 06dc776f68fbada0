/** Asks before a draft is left. It is kept in the browser, so leaving loses nothing unless somebody wants that. */
import { Button, Group, Modal, Stack } from '@mantine/core'
import { useBlocker } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'

export interface LeavingProps {
  readonly isDirty: boolean
  /** The browser keeps nothing: then closing the tab asks, too. */
  readonly isKept: boolean
  readonly onDiscard: () => void
}

export function LeavingGuard({ isDirty, isKept, onDiscard }: LeavingProps): ReactElement {
  const t = useTexts('compose')
  const common = useTexts('common')
  const blocker = useBlocker({
    shouldBlockFn: ({ current, next }) => isDirty && current.pathname !== next.pathname,
    enableBeforeUnload: () => isDirty && !isKept,
    withResolver: true,
  })
  return (
    <Modal
      opened={blocker.status === 'blocked'}
      onClose={() => blocker.reset?.()}
      title={t('leave')}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <Stack gap="md">
        <div>{isKept ? t('leave.kept') : common('unsaved.body')}</div>
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={() => blocker.reset?.()} data-autofocus>
            {t('leave.stay')}
          </Button>
          <Button
            variant="light"
            color="red"
            onClick={() => {
              onDiscard()
              blocker.proceed?.()
            }}
          >
            {t('leave.discard')}
          </Button>
          {isKept && <Button onClick={() => blocker.proceed?.()}>{t('leave.keep')}</Button>}
        </Group>
      </Stack>
    </Modal>
  )
}
