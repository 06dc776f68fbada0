/** Unregisters the devices of a segment: first who they are, then the question, then how far it is. */
import { Button, Group, Modal, Progress, Stack, Text } from '@mantine/core'
import { type ReactElement, useEffect, useRef, useState } from 'react'
import { useApi } from '../api/use-api.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { type Ended, type Gathered, gatherMembers, unregisterAll } from './unregister.ts'

export interface UnregisterDialogProps {
  readonly app: string
  readonly segment: string
  readonly name: string
  /** As soon as the first call was taken, and after each. */
  readonly onEnded: (ended: Ended) => void
  readonly onClose: () => void
}

type Stage = 'gathering' | 'asking' | 'ending' | 'ended'

export function UnregisterDialog({
  app,
  segment,
  name,
  onEnded,
  onClose,
}: UnregisterDialogProps): ReactElement {
  const t = useTexts('segments')
  const common = useTexts('common')
  const format = useFormat()
  const api = useApi()
  const [stage, setStage] = useState<Stage>('gathering')
  const [gathered, setGathered] = useState<Gathered>({ members: 0, hwids: [] })
  const [ended, setEnded] = useState<Ended>()
  const [error, setError] = useState<Error>()
  const [round, setRound] = useState(0)
  const stop = useRef(new AbortController())
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round is another try
  useEffect(() => {
    const own = new AbortController()
    stop.current = own
    gatherMembers({ api, app, signal: own.signal }, segment, setGathered)
      .then(found => {
        setGathered(found)
        setStage('asking')
      })
      .catch((problem: Error) => {
        if (!own.signal.aborted) setError(problem)
      })
    return () => own.abort()
  }, [api, app, segment, round])
  const { members, hwids } = gathered
  const run = async (): Promise<void> => {
    setStage('ending')
    setError(undefined)
    try {
      const onCall = (so: Ended): void => {
        setEnded(so)
        onEnded(so)
      }
      await unregisterAll({ api, app, signal: stop.current.signal }, hwids, onCall, ended)
      setStage('ended')
    } catch (problem) {
      if (stop.current.signal.aborted) return
      setError(problem as Error)
      setStage('asking')
    }
  }
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('unregister.title', { name })}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      <Stack gap="md">
        {error && (
          <Problem
            error={error}
            onRetry={() => {
              setError(undefined)
              if (stage === 'gathering') setRound(round + 1)
              else void run()
            }}
          />
        )}
        <div aria-live="polite">
          {stage === 'gathering' && <Text size="sm">{t('unregister.gathering', { count: members })}</Text>}
          {stage === 'asking' && (
            <Stack gap="xs">
              <Text size="sm">
                {t.rich<ReactElement>('unregister.ask', {
                  count: hwids.length,
                  b: chunks => <b key="b">{chunks}</b>,
                })}
              </Text>
              {members > hwids.length && (
                <Text size="sm" c="dimmed">
                  {t('unregister.others', { count: members - hwids.length })}
                </Text>
              )}
              <Text size="sm" c="dimmed">
                {t('unregister.hint')}
              </Text>
            </Stack>
          )}
          {stage === 'ending' && (
            <Text size="sm">
              {t('unregister.ending', { done: ended?.devices ?? 0, count: hwids.length })}
            </Text>
          )}
          {stage === 'ended' && ended && (
            <Text size="sm">{t('unregister.ended', { count: ended.done, others: ended.others })}</Text>
          )}
        </div>
        {stage === 'ending' && (
          <Progress
            value={hwids.length === 0 ? 0 : ((ended?.devices ?? 0) / hwids.length) * 100}
            aria-label={format.percent((ended?.devices ?? 0) / Math.max(1, hwids.length))}
            animated
          />
        )}
        <Group justify="flex-end" gap="xs">
          {stage !== 'ended' && (
            <Button variant="default" onClick={onClose} data-autofocus>
              {common('cancel')}
            </Button>
          )}
          {stage === 'asking' && (
            <Button color="red" disabled={hwids.length === 0} onClick={() => void run()}>
              {t('unregister.verb', { count: hwids.length })}
            </Button>
          )}
          {stage === 'ended' && <Button onClick={onClose}>{common('close')}</Button>}
        </Group>
      </Stack>
    </Modal>
  )
}
