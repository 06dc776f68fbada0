/** Asks before what can't be taken back, and says what will happen: "Delete", never "OK". */
import { Button, Group, Modal, Stack } from '@mantine/core'
import type { ReactElement, ReactNode } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Problem } from './problem.tsx'

export interface ConfirmProps {
  readonly isOpen: boolean
  readonly title: string
  /** What will happen, with its numbers: "11 204 people get this message now." */
  readonly children: ReactNode
  /** The verb of what is done. */
  readonly verb: string
  readonly isDangerous?: boolean
  /** What has to be given before; true unless told. */
  readonly isReady?: boolean
  readonly isPending?: boolean
  readonly error?: Error | null
  readonly keepVerb?: string
  readonly onConfirm: () => void
  readonly onClose: () => void
}

export function Confirm(props: ConfirmProps): ReactElement {
  const t = useTexts('common')
  const {
    isOpen,
    title,
    children,
    verb,
    isDangerous = false,
    isPending = false,
    isReady = true,
    error,
    onConfirm,
  } = props
  return (
    <Modal
      opened={isOpen}
      onClose={props.onClose}
      title={title}
      centered
      closeButtonProps={{ 'aria-label': t('close') }}
    >
      <Stack gap="md">
        <div>{children}</div>
        {error && <Problem error={error} />}
        <Group justify="flex-end" gap="xs">
          <Button variant="default" onClick={props.onClose} data-autofocus>
            {props.keepVerb ?? t('cancel')}
          </Button>
          <Button
            {...(isDangerous && { color: 'red' })}
            loading={isPending}
            disabled={!isReady}
            onClick={onConfirm}
          >
            {verb}
          </Button>
        </Group>
      </Stack>
    </Modal>
  )
}
