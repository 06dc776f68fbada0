/** The page on which an alert is dealt with. */
import type { AlertView } from '@roost/protocol'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { TextLink } from '../parts/link.tsx'

export interface AlertLinkProps {
  readonly app: string
  readonly alert: Pick<AlertView, 'kind' | 'data'>
}

/** What is of an app as a whole. Nothing for a kind that a newer server may have. */
const PLACES = {
  wrong_credential: { to: '/apps/$app/credentials', label: 'page.credentials' },
  credential_expiring: { to: '/apps/$app/credentials', label: 'page.credentials' },
  credential_refused: { to: '/apps/$app/credentials', label: 'page.credentials' },
  quota: { to: '/apps/$app/messages', label: 'page.messages' },
  queue_age: { to: '/apps/$app/messages', label: 'page.messages' },
  address_flapping: { to: '/apps/$app/devices', label: 'page.devices' },
  deaths_held: { to: '/apps/$app/hygiene', label: 'page.hygiene' },
  death_rate: { to: '/apps/$app/hygiene/removals', label: 'page.hygiene' },
  mass_inactive: { to: '/apps/$app/hygiene/ages', label: 'page.hygiene' },
  webhook_disabled: { to: '/apps/$app/webhooks', label: 'page.webhooks' },
} as const

const LOOK = { size: 'sm', c: 'inherit', td: 'underline' } as const

export function AlertLink({ app, alert: { kind, data } }: AlertLinkProps): ReactElement | null {
  const t = useTexts('common')
  if (kind === 'message_incident') {
    const { messageId } = data
    if (typeof messageId !== 'string') return null
    return (
      <TextLink to="/apps/$app/messages/$message" params={{ app, message: messageId }} {...LOOK}>
        {t('page.message')}
      </TextLink>
    )
  }
  if (!Object.hasOwn(PLACES, kind)) return null
  const { to, label } = PLACES[kind as keyof typeof PLACES]
  return (
    <TextLink to={to} params={{ app }} {...LOOK}>
      {t(label)}
    </TextLink>
  )
}
