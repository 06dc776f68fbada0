/** Draws a chart with those parts of ECharts that it needs; in the colours of the page, light or dark. */
import { useComputedColorScheme } from '@mantine/core'
import { useReducedMotion } from '@mantine/hooks'
import { BarChart, LineChart } from 'echarts/charts'
import { GridComponent, TooltipComponent } from 'echarts/components'
import * as echarts from 'echarts/core'
import { CanvasRenderer } from 'echarts/renderers'
import { type ReactElement, useEffect, useRef } from 'react'
import type { Format } from '../i18n/format.ts'
import { useFormat } from '../i18n/language.tsx'
import { type ChartProps, writeTime } from './chart.tsx'
import { isAlone, type Series } from './chart-data.ts'

echarts.use([LineChart, BarChart, GridComponent, TooltipComponent, CanvasRenderer])

const BAR_MAX_PX = 28
/** Of what is not over yet. */
const PALE = 0.45
const UPDATE_MS = 200

export function ChartDrawing(props: ChartProps): ReactElement {
  const place = useRef<HTMLDivElement>(null)
  const chart = useRef<echarts.ECharts>(undefined)
  const isDrawn = useRef(false)
  const latest = useRef(props)
  latest.current = props
  const scheme = useComputedColorScheme('light')
  const format = useFormat()
  const isStill = useReducedMotion()
  useEffect(() => {
    const element = place.current
    if (!element) return undefined
    const made = echarts.init(element)
    chart.current = made
    // it tells of the size at the beginning, too, and to resize is to draw all anew
    const observer = new ResizeObserver(() => {
      if (made.getWidth() !== element.clientWidth || made.getHeight() !== element.clientHeight) made.resize()
    })
    observer.observe(element)
    made.getZr().on('click', ({ offsetX, offsetY, event }) => {
      const { times, onPick } = latest.current
      if (!onPick || isTouch(event) || !made.containPixel('grid', [offsetX, offsetY])) return
      const [at] = made.convertFromPixel('grid', [offsetX, offsetY])
      const time = times[Math.round(at ?? -1)]
      if (time !== undefined) onPick(time)
    })
    return () => {
      observer.disconnect()
      made.dispose()
    }
  }, [])
  // pages draw again with each live value: the same picture is not drawn twice
  const shown = JSON.stringify([props.times, props.series, props.step, props.isLastPartial])
  // biome-ignore lint/correctness/useExhaustiveDependencies: `shown` is what matters of the properties, and the scheme what the variables of the colours hold
  useEffect(() => {
    const option = optionOf(latest.current, format, colorOf)
    // what changes moves; a page that opens has better things to do than to draw each chart a dozen times
    const animation = isDrawn.current && !isStill
    isDrawn.current = true
    chart.current?.setOption(
      { animation, animationDuration: UPDATE_MS, animationDurationUpdate: UPDATE_MS, ...option },
      { notMerge: true },
    )
  }, [shown, format, scheme, isStill])
  return <div ref={place} style={{ height: '100%', cursor: props.onPick && 'pointer' }} />
}

/** A tap shows the values of a time; whoever taps goes by the links of the table. */
function isTouch(event: object): boolean {
  return 'touches' in event || ('pointerType' in event && event.pointerType === 'touch')
}

type ColorOf = (variable: string) => string

/** A canvas knows no CSS variables. */
function colorOf(variable: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(variable).trim()
}

function optionOf(props: ChartProps, format: Format, color: ColorOf): object {
  const { times, series, writeValue, isLastPartial = false } = props
  const write = writeValue ?? format.count
  // a canvas does not inherit
  const text = {
    color: color('--mantine-color-dimmed'),
    fontFamily: getComputedStyle(document.body).fontFamily,
    fontSize: 12,
  }
  return {
    grid: {
      top: 12,
      right: 12,
      bottom: 4,
      left: 4,
      outerBoundsMode: 'same',
      outerBoundsContain: 'axisLabel',
    },
    tooltip: {
      trigger: 'axis',
      confine: true,
      backgroundColor: color('--surface'),
      borderColor: color('--line'),
      textStyle: { ...text, color: color('--mantine-color-text'), fontSize: 13 },
      valueFormatter: (value: unknown) => (typeof value === 'number' ? write(value) : '–'),
      axisPointer: {
        type: series.some(({ kind }) => kind === 'bar') ? 'shadow' : 'line',
        lineStyle: { color: color('--data-grey') },
        shadowStyle: { color: color('--data-grey'), opacity: 0.12 },
      },
    },
    xAxis: {
      type: 'category',
      data: times.map(time => writeTime(format, props, time)),
      boundaryGap: series.some(({ kind }) => kind === 'bar'),
      axisLabel: {
        ...text,
        hideOverlap: true,
        formatter: (_: string, at: number) => writeTick(format, props, times[at] ?? ''),
      },
      axisLine: { lineStyle: { color: color('--line') } },
      axisTick: { show: false },
    },
    yAxis: {
      type: 'value',
      splitNumber: 4,
      ...(writeValue === undefined && { minInterval: 1 }),
      axisLabel: {
        ...text,
        formatter: (value: number) => (writeValue ? write(value) : format.compact(value)),
      },
      splitLine: { lineStyle: { color: color('--line') } },
    },
    series: series.map(each => drawn(each, color, isLastPartial)),
  }
}

/** There is little room below the axis. */
function writeTick(format: Format, props: ChartProps, time: string): string {
  if (props.step === 'day' && time.length === 10) return format.dateShort(time)
  if (props.step === 'hour' && props.timeZone === undefined) return format.time(time)
  return writeTime(format, props, time)
}

function drawn(
  { name, paint, values, kind = 'line', stack }: Series,
  color: ColorOf,
  isPale: boolean,
): object {
  const last = values.length - 1
  return {
    name,
    type: kind,
    data: values.map((value, at) => ({
      value: value ?? '-',
      ...(kind === 'line' && { symbol: isAlone(values, at) ? 'circle' : 'none', symbolSize: 6 }),
      ...(kind === 'bar' && isPale && at === last && { itemStyle: { opacity: PALE } }),
    })),
    color: color(`--data-${paint}`),
    ...(kind === 'line' && { lineStyle: { width: 2 }, showAllSymbol: true }),
    barMaxWidth: BAR_MAX_PX,
    barGap: '0%',
    barCategoryGap: '18%',
    emphasis: { focus: 'series' },
    ...(stack !== undefined && { stack, ...(kind === 'line' && { areaStyle: { opacity: 0.25 } }) }),
  }
}
