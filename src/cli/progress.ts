import { SingleBar } from 'cli-progress'

/** Where the command prints: a terminal gets a bar, anything else plain lines. */
export type Output = NodeJS.WritableStream & { readonly isTTY?: boolean }

/** Shows how far something is. After `end` it may begin anew. */
export interface Display<E> { show (event: E): void, end (): void }

/** An event as one line; `bar` draws a share from 0 to 1, and nothing where no terminal is. */
export type Line<E> = (event: E, bar: (share: number) => string) => string

/** Logs stay readable, and what goes on is still seen to. */
const lineEvery = 5_000
const barWidth = 30

/** On a terminal one line that is drawn again and again; elsewhere a line now and then where it is another one, and at once for what is `news` after the last. */
export function display<E> (output: Output, line: Line<E>, news: (event: E, before: E | null) => boolean): Display<E> {
  return output.isTTY === true ? drawn(output, line) : told(output, line, news)
}

function drawn<E> (output: Output, line: Line<E>): Display<E> {
  let last: E | null = null
  const single = new SingleBar({ format: () => last === null ? '' : line(last, bar), stream: output, hideCursor: true, clearOnComplete: true, gracefulExit: false })
  return {
    show (event) {
      const begins = last === null
      last = event
      if (begins) single.start(1, 0)
      else single.update(0)
    },
    end () {
      if (last !== null) single.stop()
      last = null
    }
  }
}

function told<E> (output: Output, line: Line<E>, news: (event: E, before: E | null) => boolean): Display<E> {
  let last: E | null = null
  let written = ''
  let at = -Infinity
  return {
    show (event) {
      if (!news(event, last) && performance.now() - at < lineEvery) return
      last = event
      at = performance.now()
      const text = line(event, () => '')
      if (text !== written) output.write(`${text}\n`)
      written = text
    },
    end () {}
  }
}

function bar (share: number): string {
  const filled = Math.round(Math.min(1, share) * barWidth)
  return ` ${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`
}

/** Seconds as people say them. */
export function duration (seconds: number): string {
  if (seconds < 90) return `${Math.round(seconds)} s`
  return seconds < 90 * 60 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`
}
