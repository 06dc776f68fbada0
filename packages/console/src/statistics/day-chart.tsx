/** A chart by days, each of which leads to its own page, by the mouse in the drawing and by links in the table. */
import { useNavigate } from '@tanstack/react-router'
import type { ReactElement } from 'react'
import { Chart, type ChartProps } from '../parts/chart.tsx'
import { TextLink } from '../parts/link.tsx'
import { todayIn } from './days.ts'

export interface DayChartProps
  extends Pick<ChartProps, 'label' | 'series' | 'times' | 'height' | 'writeValue'> {
  readonly app: string
  /** What the file is called; the days are added. */
  readonly name: string
  readonly timeZone: string
}

export function DayChart({ app, name, timeZone, ...chart }: DayChartProps): ReactElement {
  const navigate = useNavigate()
  const { times } = chart
  return (
    <Chart
      {...chart}
      step="day"
      isLastPartial={times.at(-1) === todayIn(timeZone, Date.now())}
      fileName={`${name}-${app}-${times[0]}-${times.at(-1)}`}
      onPick={day => void navigate({ to: '/apps/$app/days/$day', params: { app, day } })}
      linkOf={(day, written) => (
        <TextLink to="/apps/$app/days/$day" params={{ app, day }} size="xs">
          {written}
        </TextLink>
      )}
    />
  )
}
