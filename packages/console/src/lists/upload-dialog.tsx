/** Makes a list of a file of ids, or adds a file to one. */
import {
  Button,
  FileInput,
  Group,
  Modal,
  Progress,
  SegmentedControl,
  Stack,
  Text,
  TextInput,
} from '@mantine/core'
import type { ListKind, ListView } from '@roost/protocol'
import { useQueryClient } from '@tanstack/react-query'
import { type FormEvent, type ReactElement, useEffect, useRef, useState } from 'react'
import { path } from '../api/client.ts'
import { useApi } from '../api/use-api.ts'
import { useFormat, useTexts } from '../i18n/language.tsx'
import { Problem } from '../parts/problem.tsx'
import { useFaults } from '../parts/use-faults.ts'
import { type Uploaded, uploadIds } from './upload.ts'

export interface UploadDialogProps {
  readonly app: string
  /** The list that is added to; a new one without. */
  readonly list?: ListView
  readonly onClose: () => void
}

export function UploadDialog({ app, list, onClose }: UploadDialogProps): ReactElement {
  const t = useTexts('lists')
  const common = useTexts('common')
  const format = useFormat()
  const api = useApi()
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [kind, setKind] = useState<ListKind>(list?.kind ?? 'users')
  const [file, setFile] = useState<File | null>(null)
  const [isTried, setTried] = useState(false)
  const [progress, setProgress] = useState<number>()
  const [error, setError] = useState<Error>()
  const [uploaded, setUploaded] = useState<Uploaded>()
  // made at the first try, filled at each
  const madeId = useRef(list?.id)
  const [stop] = useState(() => new AbortController())
  useEffect(() => () => stop.abort(), [stop])
  const upload = async (chosen: File): Promise<void> => {
    setError(undefined)
    setProgress(0)
    try {
      madeId.current ??= (
        await api.post<{ readonly id: string }>(path`v1/apps/${app}/lists`, { name: name.trim(), kind })
      ).id
      const asked = {
        app,
        list: madeId.current,
        kind,
        file: chosen,
        signal: stop.signal,
        onProgress: setProgress,
      }
      setUploaded(await uploadIds(api, asked))
    } catch (problem) {
      if (!stop.signal.aborted) setError(problem as Error)
    } finally {
      setProgress(undefined)
      void client.invalidateQueries({ queryKey: [app, 'lists'] })
    }
  }
  const submit = (event: FormEvent): void => {
    event.preventDefault()
    setTried(true)
    if (file && (list || name.trim() !== '')) void upload(file)
  }
  const faults = useFaults(error)
  return (
    <Modal
      opened
      onClose={onClose}
      title={list ? t('add.title', { name: list.name }) : t('new')}
      centered
      closeButtonProps={{ 'aria-label': common('close') }}
    >
      {uploaded ? (
        <Stack gap="sm">
          <Outcome uploaded={uploaded} />
          <Button onClick={onClose} style={{ alignSelf: 'flex-end' }}>
            {common('close')}
          </Button>
        </Stack>
      ) : (
        <form onSubmit={submit}>
          <Stack gap="md">
            {!list && (
              <>
                <TextInput
                  label={t('name')}
                  value={name}
                  maxLength={200}
                  error={isTried && name.trim() === '' ? t('name.missing') : faults.name}
                  onChange={event => setName(event.currentTarget.value)}
                  data-autofocus
                />
                <div>
                  <Text size="sm" fw={500} mb={4}>
                    {t('kind')}
                  </Text>
                  <SegmentedControl
                    size="xs"
                    aria-label={t('kind')}
                    value={kind}
                    data={(['users', 'devices'] as const).map(value => ({
                      value,
                      label: t(`kind.${value}`),
                    }))}
                    onChange={value => setKind(value as ListKind)}
                  />
                </div>
              </>
            )}
            <FileInput
              label={t('file')}
              description={t('file.hint', { column: kind === 'users' ? 'user_id' : 'hwid' })}
              placeholder={t('file.choose')}
              accept=".csv,.txt,.ndjson,.jsonl,text/csv"
              value={file}
              clearable
              error={isTried && !file && t('file.missing')}
              onChange={setFile}
            />
            {progress !== undefined && (
              <div aria-live="polite">
                <Text size="sm">{t('uploading', { percent: format.percent(progress) })}</Text>
                <Progress value={progress * 100} mt={4} aria-label={t('file')} animated />
              </div>
            )}
            {error && faults.name === undefined && <Problem error={error} title={t('failed')} />}
            <Group justify="flex-end" gap="xs">
              <Button variant="default" onClick={onClose}>
                {common('cancel')}
              </Button>
              <Button type="submit" loading={progress !== undefined}>
                {list ? t('add.verb') : t('new.verb')}
              </Button>
            </Group>
          </Stack>
        </form>
      )}
    </Modal>
  )
}

function Outcome({
  uploaded: { added, unknown, refused, refusals },
}: {
  readonly uploaded: Uploaded
}): ReactElement {
  const t = useTexts('lists')
  const format = useFormat()
  return (
    <div role="status">
      <Text size="sm" fw={600}>
        {t('added', { count: added })}
      </Text>
      {unknown > 0 && <Text size="sm">{t('unknown', { count: unknown })}</Text>}
      {refused > 0 && (
        <>
          <Text size="sm" c="red">
            {t('refused', { count: refused })}
          </Text>
          <ul style={{ margin: 0, paddingInlineStart: 18, fontSize: 13 }}>
            {refusals.slice(0, 5).map(({ line, detail }) => (
              <li key={line}>
                {format.count(line)}: {detail}
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
