/** An id, code or token that people take somewhere else: in full, and copied with one click. */
import { CopyButton, Tooltip, UnstyledButton } from '@mantine/core'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import css from './parts.module.css'

export interface IdProps {
  readonly value: string
  /** Shown in its place; what is copied stays whole, and is shown above it. */
  readonly shown?: string
}

export function Id({ value, shown = value }: IdProps): ReactElement {
  const t = useTexts('common')
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip
          label={copied ? t('copied') : shown === value ? t('copy') : `${t('copy')}: ${value}`}
          multiline
        >
          <UnstyledButton className={css.id} onClick={copy} aria-label={`${t('copy')}: ${shown}`}>
            <span>{shown}</span>
            <span className={css.idMark} aria-live="polite">
              {copied ? '✓' : <CopySign />}
            </span>
          </UnstyledButton>
        </Tooltip>
      )}
    </CopyButton>
  )
}

/** Drawn, since many fonts lack the sign for it. */
function CopySign(): ReactElement {
  return (
    <svg
      width="12"
      height="12"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="2"
      aria-hidden
    >
      <rect x="9" y="9" width="12" height="12" rx="2" />
      <path d="M5 15H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v1" />
    </svg>
  )
}
