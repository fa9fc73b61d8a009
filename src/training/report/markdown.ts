type Cell = string | number

/** Text that stays text in Markdown, on one line. */
export function plain (text: string): string {
  return text.toWellFormed().replace(/[\s\p{Cc}]+/gu, ' ').replace(/[\\`*_{}[\]<>|~#&]/g, '\\$&')
}

/** Text in a fixed width; what would end it is left out. */
export function code (text: string): string { return `\`${text.toWellFormed().replace(/[\s\p{Cc}]+/gu, ' ').replace(/[`|]/g, '')}\`` }

/** Cells are Markdown already. */
export function table (head: readonly string[], rows: readonly (readonly Cell[])[], align: 'numbers' | 'words' = 'numbers'): string {
  const row = (cells: readonly Cell[]): string => `| ${cells.join(' | ')} |`
  return [row(head), row(head.map((_, column) => column === 0 || align === 'words' ? '---' : '---:')), ...rows.map(row)].join('\n')
}

/** A heading with what is below it; nothing where nothing is. */
export function section (title: string, ...blocks: readonly (string | null)[]): string[] {
  const filled = blocks.filter(block => block !== null)
  return filled.length === 0 ? [] : [`## ${title}`, ...filled]
}

export function list (items: readonly string[]): string { return items.map(item => `- ${item}`).join('\n') }

export function picture (title: string, file: string): string { return `![${plain(title)}](${file})` }
