/** The gateway credentials of an app: what each is, whether it works, how long it lives, and what mends it. */
import { Button, Stack } from '@mantine/core'
import { type ReactElement, useCallback, useEffect, useState } from 'react'
import { useTexts } from '../i18n/language.tsx'
import { Empty, Loaded, PageHead, Panel } from '../parts/page.tsx'
import { ReadOnlyMark, useAppCode, useMay } from '../session/session.tsx'
import { useCredentials } from './calls.ts'
import { CredentialCard } from './card.tsx'
import css from './credentials.module.css'
import { CredentialForm } from './form.tsx'

export function CredentialsPage(): ReactElement {
  const t = useTexts('credentials')
  const app = useAppCode()
  const mayManage = useMay('manage')
  const query = useCredentials(app)
  const [isAdding, setAdding] = useState(false)
  const [taken, setTaken] = useState<string>()
  const [dropped, setDropped] = useState<File>()
  const takeFile = useCallback((file: File) => {
    setDropped(file)
    setAdding(true)
  }, [])
  const isOver = useFileDrop(mayManage, takeFile)
  return (
    <div className={css.page} data-over={isOver || undefined}>
      <PageHead title={t('title')}>
        <ReadOnlyMark right="manage" />
        {!isAdding && mayManage && (query.data?.length ?? 0) > 0 && (
          <Button size="sm" onClick={() => setAdding(true)}>
            {t('add')}
          </Button>
        )}
      </PageHead>
      <Stack gap="md">
        {isAdding && (
          <Panel title={t('add')}>
            <CredentialForm
              app={app}
              {...(dropped && { dropped })}
              onDone={id => {
                setAdding(false)
                setDropped(undefined)
                setTaken(id)
              }}
            />
          </Panel>
        )}
        <Loaded query={query} lines={6}>
          {credentials =>
            credentials.length === 0 ? (
              <Panel>
                <Empty
                  title={t('none.title')}
                  action={
                    mayManage && !isAdding && <Button onClick={() => setAdding(true)}>{t('add')}</Button>
                  }
                >
                  {t('none.body')} {mayManage && t('none.drop')}
                </Empty>
              </Panel>
            ) : (
              credentials.map(each => (
                <CredentialCard key={each.id} app={app} credential={each} isJustTaken={each.id === taken} />
              ))
            )
          }
        </Loaded>
      </Stack>
    </div>
  )
}

/**
 * A file that is dropped anywhere on the page is meant for it, and must not make the browser leave. What is dropped on a form's own field is
 * that form's (`defaultPrevented`). Returns whether one is held over the page.
 */
function useFileDrop(isTaken: boolean, onFile: (file: File) => void): boolean {
  const [isOver, setOver] = useState(false)
  useEffect(() => {
    if (!isTaken) return undefined
    const isFile = (event: DragEvent): boolean => event.dataTransfer?.types.includes('Files') === true
    const over = (event: DragEvent): void => {
      if (!isFile(event)) return
      event.preventDefault()
      setOver(true)
    }
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) setOver(false)
    }
    const drop = (event: DragEvent): void => {
      setOver(false)
      if (event.defaultPrevented || !isFile(event)) return
      event.preventDefault()
      const dropped = event.dataTransfer?.files[0]
      if (dropped !== undefined) onFile(dropped)
    }
    window.addEventListener('dragover', over)
    window.addEventListener('dragleave', leave)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragover', over)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('drop', drop)
    }
  }, [isTaken, onFile])
  return isOver
}
