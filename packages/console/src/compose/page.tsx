/** Writing a message: anew, as a copy of one, or in place of one that has not gone out. */
import { useQueryClient } from '@tanstack/react-query'
import { getRouteApi } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { ButtonLink, TextLink } from '../parts/link.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { useAppCode, useMay } from '../session/session.tsx'
import { keyOfEdited, useCopied, useEdited } from './calls.ts'
import { Composer } from './composer.tsx'

const route = getRouteApi('/apps/$app/messages/new')

export function ComposePage(): ReactElement {
  const t = useTexts('compose')
  const app = useAppCode()
  const { from, edit } = route.useSearch()
  const back = (
    <TextLink to="/apps/$app/messages" params={{ app }} size="sm">
      {t('back')}
    </TextLink>
  )
  const title = edit !== undefined ? 'title.edit' : from !== undefined ? 'title.copy' : 'title'
  return (
    <>
      <PageHead title={t(title)} back={back} />
      {!useMay('send') ? (
        <Panel>
          <Empty title={t('readOnly')}>{t('readOnly.body')}</Empty>
        </Panel>
      ) : edit !== undefined ? (
        <Editing key={edit} app={app} id={edit} />
      ) : from !== undefined ? (
        <Copying key={from} app={app} id={from} />
      ) : (
        <Composer app={app} />
      )}
    </>
  )
}

interface OfMessageProps {
  readonly app: string
  readonly id: string
}

function Copying({ app, id }: OfMessageProps): ReactElement {
  const copied = useCopied(app, id)
  return (
    <Loaded query={copied} lines={10}>
      {message => <Composer app={app} copied={message} />}
    </Loaded>
  )
}

function Editing({ app, id }: OfMessageProps): ReactElement {
  const t = useTexts('compose')
  const client = useQueryClient()
  const edited = useEdited(app, id)
  const reread = (): void => void client.resetQueries({ queryKey: keyOfEdited(app, id) })
  return (
    <Loaded query={edited} lines={10}>
      {reading =>
        reading.data.state === 'scheduled' || reading.data.state === 'paused' ? (
          <Composer app={app} edited={reading} onReread={reread} />
        ) : (
          <Panel>
            <Empty
              title={t('edit.begun')}
              action={
                <ButtonLink to="/apps/$app/messages/$message" params={{ app, message: id }}>
                  {t('made.open')}
                </ButtonLink>
              }
            >
              {t('edit.begun.body')}
            </Empty>
          </Panel>
        )
      }
    </Loaded>
  )
}
